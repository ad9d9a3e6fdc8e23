//! `add-column-volatile-default`: a column is added whose value must be computed for each row.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject, Touch};
use super::support::{each_action, name, shown};

/// A column is added whose value must be computed for each row.
pub struct AddColumnVolatileDefault;

static ABOUT: About = About {
    name: "add-column-volatile-default",
    class: Class::TableRewrite,
    severity: Severity::Error,
    summary: "A column is added whose value must be computed for each row",
    why: "A default that differs from row to row (a volatile function, serial, identity, a stored generated \
        column) makes the server write the whole table and all its indexes anew. Readers and writers wait \
        until it is done.",
    rewrite: "Add the column without a default, set the default for new rows, and fill the old rows in batches.",
    bad: "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();\n",
    good: "ALTER TABLE orders ADD COLUMN token uuid;\n\
        ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid();\n",
};

impl Rule for AddColumnVolatileDefault {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::AddColumn(add) = action else { return };
            let rewrites = |touched: &Touch| touched.rewrites && !touched.new;
            if !judged.effect.touches.iter().any(rewrites) || !computes(add) {
                return;
            }
            let column = name(add.column_name());
            let table = &used.name;
            let ty = add.ty().map(|ty| shown(ty.syntax())).unwrap_or_default();
            let message = format!("{} is written anew to give each row its own {column}", used.with_rows());
            let finding = found.at(judged, add.syntax().text_range(), message);
            finding.rewrite = Some(format!(
                "ALTER TABLE {table} ADD COLUMN {column} {ty};\n\
                 ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT …;\n\
                 -- then fill the old rows in batches: UPDATE {table} SET {column} = … WHERE {column} IS NULL AND …"
            ));
            used.weigh(finding);
        });
    }
}

/// Whether the column's value differs from row to row, as far as its text can tell.
fn computes(add: &ast::AddColumn) -> bool {
    let serial = add.ty().is_some_and(|ty| shown(ty.syntax()).to_lowercase().contains("serial"));
    serial
        || add.constraints().any(|constraint| match constraint {
            ast::Constraint::DefaultConstraint(default) => shown(default.syntax()).contains('('),
            ast::Constraint::GeneratedConstraint(_) => true,
            _ => false,
        })
}

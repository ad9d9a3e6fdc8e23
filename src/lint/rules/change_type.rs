//! `change-type`: the type of a column is changed.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::quote::quote_ident;

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_action, name, shown, written};

/// The type of a column is changed.
pub struct ChangeType;

static ABOUT: About = About {
    name: "change-type",
    class: Class::TableRewrite,
    severity: Severity::Error,
    summary: "The type of a column is changed",
    why: "Unless the new type stores the same bytes (varchar that only gets longer, varchar to text), the \
        whole table and its indexes are written anew. Readers and writers wait until it is done; views that \
        use the column make it fail.",
    rewrite: "Add a column of the new type, fill it in batches while a trigger keeps it up to date, switch the \
        application over, and drop the old column a release later.",
    bad: "ALTER TABLE orders ALTER COLUMN day TYPE timestamptz;\n",
    good: "ALTER TABLE orders ADD COLUMN day_at timestamptz;\n",
};

impl Rule for ChangeType {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::AlterColumn(alter) = action else { return };
            let Some(ast::AlterColumnOption::SetType(set)) = alter.option() else { return };
            if !judged.effect.touches.iter().any(|touched| touched.rewrites && !touched.new) {
                return;
            }
            let column = name(alter.column_name_ref());
            let written = written(alter.column_name_ref());
            let new = quote_ident(&format!("new_{column}"));
            let ty = set.ty().map(|ty| shown(ty.syntax())).unwrap_or_default();
            let table = &used.sql;
            let message = format!("{} is written anew to change {column} to {ty}", used.with_rows());
            let finding = found.at(judged, alter.syntax().text_range(), message);
            finding.rewrite = Some(format!(
                "ALTER TABLE {table} ADD COLUMN {new} {ty};\n\
                 -- a trigger sets it for rows that are written; old rows are filled in batches;\n\
                 -- once the application uses it, in a later migration: ALTER TABLE {table} DROP COLUMN {written};"
            ));
            used.weigh(finding);
        });
    }
}

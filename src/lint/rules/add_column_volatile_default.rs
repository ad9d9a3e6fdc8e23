//! `add-column-volatile-default`: a column is added whose value must be computed for each row.

use squawk_syntax::ast::{self, AstNode};

use super::super::classify::{OwnValues, own_values};
use super::super::{About, Class, Found, Rule, Severity, Subject, Touch};
use super::support::{Used, each_action, name, shown, written};

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
            let Some(own) = own_values(add).filter(|_| judged.effect.touches.iter().any(rewrites)) else { return };
            let column = name(add.column_name());
            let message = format!("{} is written anew to give each row its own {column}", used.with_rows());
            let finding = found.at(judged, add.syntax().text_range(), message);
            finding.rewrite = Some(instead(own, used, add));
            used.weigh(finding);
        });
    }
}

/// The same in steps that are short, or that nobody waits for.
fn instead(own: OwnValues, used: &Used, add: &ast::AddColumn) -> String {
    let (table, column) = (&used.sql, written(add.column_name()));
    let ty = add.ty().map(|ty| shown(ty.syntax())).unwrap_or_default();
    match own {
        OwnValues::Default => format!(
            "ALTER TABLE {table} ADD COLUMN {column} {ty};\n\
             ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT …;\n\
             -- then fill the old rows in batches: UPDATE {table} SET {column} = … WHERE {column} IS NULL AND …"
        ),
        OwnValues::Counted => {
            let ty = match ty.to_lowercase().as_str() {
                "serial" | "serial4" => "integer",
                "bigserial" | "serial8" => "bigint",
                "smallserial" | "serial2" => "smallint",
                _ => &ty,
            };
            let sequence = used.beside(&format!("{}_seq", name(add.column_name())));
            format!(
                "CREATE SEQUENCE {sequence};\nALTER TABLE {table} ADD COLUMN {column} {ty};\n\
                 ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT nextval('{}');\n\
                 ALTER SEQUENCE {sequence} OWNED BY {table}.{column};\n\
                 -- then fill the old rows in batches: UPDATE {table} SET {column} = DEFAULT WHERE {column} IS NULL AND …",
                sequence.replace('\'', "''")
            )
        }
        OwnValues::Stored => format!(
            "ALTER TABLE {table} ADD COLUMN {column} {ty};\n\
             -- a trigger sets it for rows that are written; old rows are filled in batches"
        ),
    }
}

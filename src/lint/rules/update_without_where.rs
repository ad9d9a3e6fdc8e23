//! `update-without-where`: a column is overwritten in all rows of a table.

use squawk_syntax::ast::{self, AstNode};

use super::super::syntax::all;
use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{is_everything, is_new_column, used};

/// A column is overwritten in all rows of a table.
pub struct UpdateWithoutWhere;

static ABOUT: About = About {
    name: "update-without-where",
    class: Class::DataLoss,
    severity: Severity::Warning,
    summary: "A column is overwritten in all rows of a table",
    why: "The old values are gone with the commit. Until then writers of the rows wait, and each row is \
        written once more: the table grows to twice its size.",
    rewrite: "Say with WHERE which rows are meant, or fill a new column and switch over; update many rows in \
        batches.",
    bad: "UPDATE orders SET note = upper(note);\n",
    good: "UPDATE orders SET note = upper(note) WHERE id BETWEEN 1 AND 10000;\n",
};

impl Rule for UpdateWithoutWhere {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let Some(tree) = &judged.syntax else { continue };
            for update in all::<ast::Update>(tree.syntax()) {
                let Some(relation) = update.relation_name() else { continue };
                let Some(used) = used(subject, judged, relation.syntax()) else { continue };
                let Some(set) = update.set_clause() else { continue };
                let columns: Vec<String> =
                    all::<ast::SetColumn>(set.syntax()).flat_map(|column| targets(&column)).collect();
                // A column that this run added holds nothing yet that could be lost.
                let fills_new = columns.iter().all(|column| is_new_column(subject, judged, &used.name, column));
                if is_everything(update.where_clause_or_current_of().as_ref()) && (columns.is_empty() || !fills_new) {
                    let message = format!("{} of all rows of {} is overwritten", columns.join(", "), used.with_rows());
                    used.weigh(found.at(judged, update.syntax().text_range(), message));
                }
            }
        }
    }
}

/// The columns that an assignment sets.
fn targets(set: &ast::SetColumn) -> Vec<String> {
    let written = set.syntax().text().to_string();
    let left = written.split('=').next().unwrap_or_default().to_owned();
    match set {
        ast::SetColumn::SetSingleColumn(_) => vec![folded(&left)],
        ast::SetColumn::SetMultipleColumns(_) => {
            let inner = left.trim().trim_start_matches('(').trim_end_matches(')');
            inner.split(',').map(folded).collect()
        }
    }
}

/// A name as the server folds it.
fn folded(name: &str) -> String {
    let name = name.trim();
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_lowercase(),
    }
}

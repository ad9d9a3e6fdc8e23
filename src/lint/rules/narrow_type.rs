//! `narrow-type`: a column gets a type that holds less.

use squawk_syntax::ast::{self, AstNode};

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::support::{each_action, name, shown};

/// A column gets a type that holds less.
pub struct NarrowType;

static ABOUT: About = About {
    name: "narrow-type",
    class: Class::DataLoss,
    severity: Severity::Error,
    summary: "A column gets a type that holds less",
    why: "What does not fit is cut off, rounded or makes the statement fail, and the old values are gone with \
        the commit.",
    rewrite: "Add a column of the new type, fill it, compare, switch the application over, and drop the old \
        column a release later.",
    bad: "ALTER TABLE orders ALTER COLUMN note TYPE varchar(20) USING left(note, 20);\n",
    good: "ALTER TABLE orders ADD COLUMN short_note varchar(20);\n",
};

impl Rule for NarrowType {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        each_action(subject, |judged, used, action| {
            let ast::AlterTableAction::AlterColumn(alter) = action else { return };
            let Some(ast::AlterColumnOption::SetType(set)) = alter.option() else { return };
            let Some(new) = set.ty().map(|ty| shown(ty.syntax())) else { return };
            let column = name(alter.column_name_ref());
            let relation = subject.catalog.find(&used.name).map(|(_, relation)| relation);
            let old =
                relation.and_then(|relation| relation.columns.get(&column)).map(|column| column.type_name.as_str());
            let cuts = set.using_expr().is_some_and(|using| cuts(&shown(using.syntax())));
            if !old.map_or(cuts, |old| cuts || holds_less(old, &new)) {
                return;
            }
            let from = old.map(|old| format!(" from {old}")).unwrap_or_default();
            let message = format!("column {column} of {} is narrowed{from} to {new}", used.with_rows());
            found.at(judged, alter.syntax().text_range(), message);
        });
    }
}

/// Whether an expression throws a part of a value away.
fn cuts(using: &str) -> bool {
    let lower = using.to_lowercase();
    let calls = ["left(", "right(", "substr(", "substring(", "round(", "trunc(", "floor(", "ceil(", "date_trunc("];
    let casts = ["::date", "::smallint", "::int2", "::real", "::float4"];
    calls.iter().chain(&casts).any(|cut| lower.replace(" (", "(").contains(cut))
}

/// Whether the new type holds less than the old one. Where that is not plain, it does not.
fn holds_less(old: &str, new: &str) -> bool {
    let ((old, room), (new, left)) = (measure(old), measure(new));
    let shrinks = old == new && left < room && [Family::Text, Family::Integer, Family::Float].contains(&old);
    let rounds = [Family::Decimal, Family::Float].contains(&old) && new == Family::Integer;
    shrinks
        || rounds
        || (old == Family::Decimal && new == Family::Float)
        || (old == Family::Moment && new == Family::Day)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Text,
    Integer,
    Float,
    Decimal,
    Moment,
    Day,
    Other,
}

/// What kind of values a type holds, and how large they can be.
fn measure(name: &str) -> (Family, u64) {
    let lower = name.to_lowercase().replace('"', "");
    let (base, rest) = lower.split_once('(').unwrap_or((lower.as_str(), ""));
    let length = rest.split([')', ',']).next().and_then(|digits| digits.trim().parse().ok());
    match base.trim() {
        "text" => (Family::Text, u64::MAX),
        "character varying" | "varchar" => (Family::Text, length.unwrap_or(u64::MAX)),
        "character" | "char" | "bpchar" => (Family::Text, length.unwrap_or(1)),
        "smallint" | "int2" | "smallserial" => (Family::Integer, 2),
        "integer" | "int" | "int4" | "serial" => (Family::Integer, 4),
        "bigint" | "int8" | "bigserial" => (Family::Integer, 8),
        "real" | "float4" => (Family::Float, 4),
        "double precision" | "float8" | "float" => (Family::Float, 8),
        "numeric" | "decimal" => (Family::Decimal, length.unwrap_or(u64::MAX)),
        "date" => (Family::Day, 0),
        other if other.starts_with("timestamp") => (Family::Moment, 0),
        _ => (Family::Other, 0),
    }
}

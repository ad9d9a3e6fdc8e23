//! Types of columns: one spelling, and what turning one into another costs.

use squawk_syntax::ast::{self, AstNode};

use super::syntax::{all, join, path};
use super::world::World;

/// What turning a column's type into another does to its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Every row is written anew.
    pub rewrites: bool,
    /// Not every value has a place in the new type.
    pub narrows: bool,
}

const KEEPS: Turn = Turn { rewrites: false, narrows: false };
const REWRITES: Turn = Turn { rewrites: true, narrows: false };
const NARROWS: Turn = Turn { rewrites: true, narrows: true };

/// A type as `format_type` writes it, and a domain or a type of the user by its full name.
pub(super) fn spelling(ty: &ast::Type, world: &World<'_>) -> String {
    match ty {
        ast::Type::ArrayType(array) => {
            let element = array.ty().map_or_else(String::new, |ty| spelling(&ty, world));
            format!("{}[]", element.trim_end_matches("[]"))
        }
        ast::Type::VarcharType(ty) => modified("character varying", &numbers(ty.syntax())),
        ast::Type::CharacterType(ty) => one_at_least("character", &numbers(ty.syntax())),
        ast::Type::BitType(ty) => one_at_least("bit", &numbers(ty.syntax())),
        ast::Type::BitVaryingType(ty) => modified("bit varying", &numbers(ty.syntax())),
        ast::Type::DoubleType(_) => "double precision".to_owned(),
        ast::Type::IntervalType(ty) => modified("interval", &numbers(ty.syntax())),
        ast::Type::TimeType(ty) => timed("time", &numbers(ty.syntax()), ty.timezone()),
        ast::Type::TimestampType(ty) => timed("timestamp", &numbers(ty.syntax()), ty.timezone()),
        ast::Type::PathType(ty) => {
            let parts = path(ty.syntax());
            let numbers = ty.arg_list().map(|list| numbers(list.syntax())).unwrap_or_default();
            let modifier =
                || ty.arg_list().map(|list| list.syntax().text().to_string().replace(' ', "")).unwrap_or_default();
            let name = match parts.as_slice() {
                [schema, name] if schema == "pg_catalog" => name,
                [name] => name,
                _ => return join(&parts) + &modifier(),
            };
            match known(name) {
                Some((base, zone)) => match zone {
                    Some(zone) => format!("{}{zone}", modified(base, &numbers)),
                    None if base == "numeric" && numbers.len() == 1 => format!("numeric({},0)", numbers.concat()),
                    None => modified(base, &numbers),
                },
                None => world.full(&parts) + &modifier(),
            }
        }
    }
}

/// The server's own types by the names that people write, with what follows the precision.
fn known(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match name {
        "int" | "int4" | "integer" => ("integer", None),
        "int8" | "bigint" => ("bigint", None),
        "int2" | "smallint" => ("smallint", None),
        "dec" | "decimal" | "numeric" => ("numeric", None),
        "float4" | "real" => ("real", None),
        "float8" | "float" => ("double precision", None),
        "bool" | "boolean" => ("boolean", None),
        "varchar" => ("character varying", None),
        "bpchar" => ("character", None),
        "char" => ("\"char\"", None),
        "varbit" => ("bit varying", None),
        "timestamptz" => ("timestamp", Some(" with time zone")),
        "timestamp" => ("timestamp", Some(" without time zone")),
        "timetz" => ("time", Some(" with time zone")),
        "time" => ("time", Some(" without time zone")),
        "text" => ("text", None),
        "uuid" => ("uuid", None),
        "json" => ("json", None),
        "jsonb" => ("jsonb", None),
        "bytea" => ("bytea", None),
        "date" => ("date", None),
        "interval" => ("interval", None),
        "inet" => ("inet", None),
        "cidr" => ("cidr", None),
        "macaddr" => ("macaddr", None),
        "money" => ("money", None),
        "xml" => ("xml", None),
        "name" => ("name", None),
        "oid" => ("oid", None),
        "point" => ("point", None),
        "tsvector" => ("tsvector", None),
        "serial" | "serial4" => ("integer", None),
        "bigserial" | "serial8" => ("bigint", None),
        "smallserial" | "serial2" => ("smallint", None),
        _ => return None,
    })
}

/// Whether a type is one of those that bring a sequence along.
pub(super) fn is_serial(ty: &ast::Type) -> bool {
    const SERIALS: [&str; 6] = ["serial", "serial4", "bigserial", "serial8", "smallserial", "serial2"];
    matches!(ty, ast::Type::PathType(ty) if matches!(path(ty.syntax()).as_slice(), [name] if SERIALS.contains(&name.as_str())))
}

/// The type's modifiers.
fn numbers(node: &squawk_syntax::SyntaxNode) -> Vec<String> {
    all::<ast::Literal>(node).map(|literal| literal.syntax().text().to_string()).collect()
}

fn modified(base: &str, numbers: &[String]) -> String {
    if numbers.is_empty() { base.to_owned() } else { format!("{base}({})", numbers.join(",")) }
}

fn one_at_least(base: &str, numbers: &[String]) -> String {
    if numbers.is_empty() { format!("{base}(1)") } else { modified(base, numbers) }
}

fn timed(base: &str, numbers: &[String], zone: Option<ast::Timezone>) -> String {
    let zone = match zone {
        Some(ast::Timezone::WithTimezone(_)) => "with",
        Some(ast::Timezone::WithoutTimezone(_)) | None => "without",
    };
    format!("{} {zone} time zone", modified(base, numbers))
}

/// A type without its modifiers, and the modifiers.
fn parts(ty: &str) -> (String, Vec<u32>) {
    let Some((before, rest)) = ty.split_once('(') else { return (ty.to_owned(), Vec::new()) };
    let (inside, after) = rest.split_once(')').unwrap_or((rest, ""));
    (format!("{before}{after}"), inside.split(',').filter_map(|number| number.trim().parse().ok()).collect())
}

/// What turning one type into another does, without a USING.
///
/// The server leaves the rows alone where the new type reads the same bytes and its modifier allows every value of the old one
/// (`ATColumnChangeRequiresRewrite`). From and to `timestamp with time zone` it does so where the session's time zone is UTC,
/// as that of a run is.
pub(super) fn turn(from: &str, to: &str) -> Turn {
    if from == to {
        return KEEPS;
    }
    let ((from, old), (to, new)) = (parts(from), parts(to));
    let (from, to) = (from.as_str(), to.as_str());
    if from == to {
        return same_base(to, &old, &new);
    }
    match (from, to) {
        ("character varying" | "text", "text") | ("cidr", "inet") | ("xml", "text") => KEEPS,
        ("text", "character varying") if new.is_empty() => KEEPS,
        ("integer", "oid") | ("oid", "integer") => KEEPS,
        ("timestamp without time zone", "timestamp with time zone")
        | ("timestamp with time zone", "timestamp without time zone") => same_base(to, &old, &new),
        ("smallint", "integer" | "bigint" | "numeric" | "real" | "double precision")
        | ("integer", "bigint" | "numeric" | "double precision")
        | ("bigint" | "real" | "double precision", "numeric")
        | ("real", "double precision")
        | ("json", "jsonb")
        | ("jsonb", "json")
        | ("date", "timestamp without time zone" | "timestamp with time zone")
            if new.is_empty() =>
        {
            REWRITES
        }
        (_, "text") => REWRITES,
        (_, "character varying") if new.is_empty() => REWRITES,
        _ => NARROWS,
    }
}

/// The same type with other modifiers.
fn same_base(base: &str, old: &[u32], new: &[u32]) -> Turn {
    let (Some(allowed), held) = (new.first(), old.first()) else {
        // `interval` and times without a precision hold the highest there is.
        return if base == "character" { REWRITES } else { KEEPS };
    };
    match base {
        "numeric" => {
            let scale = |numbers: &[u32]| numbers.get(1).copied().unwrap_or(0);
            match held {
                Some(held) if scale(old) == scale(new) && allowed >= held => KEEPS,
                Some(held)
                    if scale(new) >= scale(old)
                        && allowed.saturating_sub(scale(new)) >= held.saturating_sub(scale(old)) =>
                {
                    REWRITES
                }
                _ => NARROWS,
            }
        }
        "character" | "bit" => match held {
            Some(held) if base == "character" && allowed >= held => REWRITES,
            _ => NARROWS,
        },
        _ => match held {
            Some(held) if allowed >= held => KEEPS,
            None if *allowed >= 6 && (base.starts_with("time") || base == "interval") => KEEPS,
            _ => NARROWS,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_the_same_bytes_keeps_the_rows() {
        for (from, to) in [
            ("character varying(10)", "character varying(20)"),
            ("character varying(10)", "character varying"),
            ("character varying(10)", "text"),
            ("text", "character varying"),
            ("numeric(10,2)", "numeric(12,2)"),
            ("numeric(10,2)", "numeric"),
            ("timestamp without time zone", "timestamp with time zone"),
            ("timestamp(3) with time zone", "timestamp with time zone"),
            ("cidr", "inet"),
            ("bit varying(5)", "bit varying(9)"),
        ] {
            assert_eq!(turn(from, to), KEEPS, "{from} -> {to}");
        }
    }

    #[test]
    fn what_grows_is_written_anew_and_keeps_its_values() {
        for (from, to) in [
            ("integer", "bigint"),
            ("smallint", "integer"),
            ("integer", "numeric"),
            ("uuid", "text"),
            ("character(3)", "character(5)"),
            ("numeric(10,2)", "numeric(12,4)"),
        ] {
            assert_eq!(turn(from, to), REWRITES, "{from} -> {to}");
        }
    }

    #[test]
    fn what_shrinks_is_said_to() {
        for (from, to) in [
            ("bigint", "integer"),
            ("text", "character varying(10)"),
            ("character varying(20)", "character varying(10)"),
            ("numeric(10,2)", "numeric(10,1)"),
            ("numeric(10,2)", "numeric(10,4)"),
            ("timestamp with time zone", "date"),
            ("double precision", "real"),
            ("text", "integer"),
            ("integer", "numeric(5,2)"),
        ] {
            assert_eq!(turn(from, to), NARROWS, "{from} -> {to}");
        }
    }
}

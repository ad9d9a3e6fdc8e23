//! Whether an expression gives each row a value of its own.

use squawk_syntax::ast::{self, AstNode};

use crate::lint::syntax::{all, path};

/// The server's functions that give one statement one value, as far as defaults use them. Any other may give each row another.
const STEADY: &[&str] = &[
    "abs",
    "age",
    "array_fill",
    "array_to_string",
    "ceil",
    "ceiling",
    "concat",
    "concat_ws",
    "current_setting",
    "date",
    "date_part",
    "date_trunc",
    "decode",
    "encode",
    "floor",
    "format",
    "hashtext",
    "hstore",
    "int4range",
    "int8range",
    "json_build_array",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "left",
    "length",
    "lower",
    "lpad",
    "make_date",
    "make_interval",
    "make_time",
    "make_timestamp",
    "make_timestamptz",
    "md5",
    "mod",
    "now",
    "nullif",
    "numrange",
    "power",
    "repeat",
    "replace",
    "right",
    "round",
    "row",
    "rpad",
    "statement_timestamp",
    "string_to_array",
    "substr",
    "substring",
    "timezone",
    "to_char",
    "to_date",
    "to_hex",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsvector",
    "transaction_timestamp",
    "trim",
    "trunc",
    "tstzrange",
    "tsrange",
    "daterange",
    "upper",
    "current_schema",
    "pg_current_xact_id",
    "txid_current",
    "inet_client_addr",
    "chr",
    "ascii",
    "btrim",
    "ltrim",
    "rtrim",
    "coalesce",
    "greatest",
    "least",
    "point",
    "array_append",
    "cardinality",
];

/// The first function in an expression that may give each row a value of its own.
pub(super) fn volatile(node: &squawk_syntax::SyntaxNode) -> Option<String> {
    all::<ast::CallExpr>(node)
        .filter_map(|call| call.expr())
        .filter_map(|function| name(&function))
        .find(|parts| match parts.as_slice() {
            [name] => !is_steady(name),
            [schema, name] => schema != "pg_catalog" || !is_steady(name),
            _ => true,
        })
        .map(|parts| parts.join("."))
}

/// Whether a function of the server's own gives one statement one value.
pub(super) fn is_steady(name: &str) -> bool {
    STEADY.contains(&name)
}

/// The name of a function that is called.
pub(super) fn name(function: &ast::Expr) -> Option<Vec<String>> {
    match function {
        ast::Expr::NameRef(name) => Some(vec![name.text()]),
        ast::Expr::FieldExpr(field) => {
            let mut parts = field.base().as_ref().and_then(name)?;
            parts.push(field.field()?.text());
            Some(parts)
        }
        other => {
            let parts = path(other.syntax());
            (!parts.is_empty()).then_some(parts)
        }
    }
}

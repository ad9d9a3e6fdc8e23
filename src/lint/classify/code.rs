//! Code that a statement runs: what it does cannot be told from the statement's text.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::volatile;
use crate::lint::sketch::Sketch;
use crate::lint::syntax::all;
use crate::migration::{Lexer, Risk, TokenKind};

pub(super) fn tell(statement: &ast::Stmt, sketch: &mut Sketch<'_, '_>) -> bool {
    let why = match statement {
        ast::Stmt::Do(_) => "it runs a block of code",
        ast::Stmt::Call(_) => "it calls a procedure",
        ast::Stmt::Execute(_) => "it runs what was prepared",
        ast::Stmt::Load(_) => "it loads a library into the server",
        _ => return false,
    };
    sketch.opaque = Some(why.to_owned());
    let words = match statement {
        ast::Stmt::Do(block) => block.body().map(|body| destructive(&body.syntax().text().to_string())),
        _ => None,
    };
    match words.flatten() {
        Some(word) => sketch.risk(Risk::High, format!("{why} in which {word} stands: what it does cannot be told")),
        None => sketch.risk(Risk::Medium, format!("{why}: what it does cannot be told")),
    }
    true
}

/// The first word in a block of code that may destroy something, or make SQL of texts.
fn destructive(body: &str) -> Option<&'static str> {
    const WORDS: [&str; 6] = ["DROP", "TRUNCATE", "DELETE", "EXECUTE", "ALTER", "UPDATE"];
    let inner = body.trim_matches(|c: char| c != '$').trim_matches('$');
    let inner = inner
        .split_once('$')
        .filter(|_| body.starts_with('$') && !body.starts_with("$$"))
        .map_or(inner, |(_, rest)| rest);
    let found = Lexer::new(inner)
        .map_while(Result::ok)
        .filter(|token| token.kind == TokenKind::Word)
        .filter_map(|token| inner.get(token.start..token.end))
        .find_map(|word| WORDS.iter().find(|one| word.eq_ignore_ascii_case(one)));
    found.copied()
}

/// Functions that are called by a statement that writes rows, where it reads none: those that are not the server's own may do
/// anything. Where it reads rows, they most likely compute what is written.
pub(super) fn calls_of_write(node: &SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    if all::<ast::FromClause>(node).next().is_none() {
        calls(node, sketch);
    }
}

/// Likewise in a query, which a script has for nothing else, also where it reads rows: `SELECT * FROM add_partition('orders')`.
pub(super) fn calls(node: &SyntaxNode, sketch: &mut Sketch<'_, '_>) {
    let names = all::<ast::CallExpr>(node).filter_map(|call| call.expr()).filter_map(|name| volatile::name(&name));
    let own = |parts: &Vec<String>| match parts.as_slice() {
        [name] => is_servers_own(name),
        [schema, _] => schema == "pg_catalog",
        _ => false,
    };
    if let Some(name) = names.filter(|name| !own(name)).map(|parts| parts.join(".")).next() {
        sketch.opaque = Some(format!("it calls the function {name}"));
        sketch.risk(Risk::Medium, format!("it calls the function {name}: what that does cannot be told"));
    }
}

/// Whether a function is the server's own and changes nothing but settings and sequences.
fn is_servers_own(name: &str) -> bool {
    const OWN: &[&str] = &[
        "set_config",
        "setval",
        "nextval",
        "currval",
        "lastval",
        "gen_random_uuid",
        "uuidv7",
        "uuidv4",
        "random",
        "clock_timestamp",
        "count",
        "sum",
        "min",
        "max",
        "avg",
        "array_agg",
        "string_agg",
        "json_agg",
        "jsonb_agg",
        "bool_and",
        "bool_or",
        "unnest",
        "generate_series",
        "exists",
        "version",
        "row_number",
        "rank",
        "uuid_generate_v4",
        "uuid_generate_v1",
        "crypt",
        "gen_salt",
        "digest",
        "sha256",
        "quote_ident",
        "quote_literal",
        "pg_sleep",
        "regexp_replace",
        "initcap",
        "translate",
        "split_part",
        "strpos",
        "position",
        "extract",
        "jsonb_set",
        "array_length",
        "localtimestamp",
        "to_regclass",
        "sqrt",
        "sign",
        "exp",
        "ln",
        "log",
        "pow",
        "div",
        "width_bucket",
        "reverse",
        "overlay",
        "starts_with",
        "char_length",
        "character_length",
        "octet_length",
        "bit_length",
        "quote_nullable",
        "convert_to",
        "convert_from",
        "uuid_in",
        "textcat",
        "sha224",
        "sha384",
        "sha512",
        "justify_days",
        "justify_hours",
        "justify_interval",
        "isfinite",
        "timeofday",
        "bit_and",
        "bit_or",
        "every",
        "stddev",
        "variance",
        "percentile_cont",
        "percentile_disc",
        "mode",
        "dense_rank",
        "ntile",
        "lag",
        "lead",
        "first_value",
        "last_value",
        "nth_value",
        "num_nulls",
        "num_nonnulls",
        "lower_inc",
        "upper_inc",
        "isempty",
        "to_tsquery",
        "plainto_tsquery",
        "setweight",
        "xpath",
        "host",
        "network",
        "format_type",
        "obj_description",
        "col_description",
        "current_database",
        "current_schemas",
        "has_table_privilege",
        "has_schema_privilege",
        "has_column_privilege",
    ];
    const FAMILIES: &[&str] = &["pg_", "json_", "jsonb_", "array_", "regexp_", "range_", "to_reg"];
    OWN.contains(&name) || volatile::is_steady(name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

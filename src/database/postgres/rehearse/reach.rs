//! What a script does that reaches beyond its database: on a copy it would act on the real thing.

use crate::migration::{Script, Statement, TokenKind};

use super::super::tokens::Tokens;

/// Words by which statements begin that change what all databases of a server share, or something outside of it.
const SHARED: &[&[&str]] = &[
    &["CREATE", "ROLE"],
    &["CREATE", "USER"],
    &["CREATE", "GROUP"],
    &["ALTER", "ROLE"],
    &["ALTER", "USER"],
    &["ALTER", "GROUP"],
    &["DROP", "ROLE"],
    &["DROP", "USER"],
    &["DROP", "GROUP"],
    &["CREATE", "DATABASE"],
    &["ALTER", "DATABASE"],
    &["DROP", "DATABASE"],
    &["CREATE", "TABLESPACE"],
    &["ALTER", "TABLESPACE"],
    &["DROP", "TABLESPACE"],
    &["CREATE", "SUBSCRIPTION"],
    &["ALTER", "SUBSCRIPTION"],
    &["DROP", "SUBSCRIPTION"],
    &["ALTER", "SYSTEM"],
    &["REASSIGN", "OWNED"],
    &["DROP", "OWNED"],
    &["COMMENT", "ON", "DATABASE"],
    &["COMMENT", "ON", "ROLE"],
    &["COMMENT", "ON", "TABLESPACE"],
];

/// User mappings belong to a database.
const NOT: &[&[&str]] = &[&["CREATE", "USER", "MAPPING"], &["ALTER", "USER", "MAPPING"], &["DROP", "USER", "MAPPING"]];

/// Why a script cannot be rehearsed: the first statement that would act on more than the copy.
pub(super) fn beyond(script: &Script) -> Option<String> {
    script.statements.iter().find_map(|one| {
        let what = reaches(one)?;
        Some(format!(
            "{}:{}: {what} changes more than one database, so it cannot be tried on a copy; move it into a version of its own",
            script.file, one.line
        ))
    })
}

fn reaches(statement: &Statement) -> Option<String> {
    let mut tokens = Tokens::of(&statement.text);
    if tokens.sees("DO") {
        // In a block anything may stand anywhere, also within the strings that it executes.
        let body = std::iter::from_fn(|| tokens.next())
            .find(|token| matches!(token.kind, TokenKind::DollarString | TokenKind::String))?;
        let words: String = body.text.chars().map(|c| if matches!(c, '\'' | '$' | '"') { ' ' } else { c }).collect();
        return within(&Tokens::of(&words)).map(|words| format!("DO with {}", words.join(" ")));
    }
    if NOT.iter().any(|words| tokens.clone().eat(words)) {
        return None;
    }
    if let Some(words) = SHARED.iter().find(|words| tokens.clone().eat(words)) {
        return Some(words.join(" "));
    }
    let grants = tokens.sees("GRANT") || tokens.sees("REVOKE");
    if grants && !tokens.contains(&["ON"]) {
        return Some("GRANT or REVOKE of a role".to_owned());
    }
    let copies = tokens.sees("COPY");
    if copies && (tokens.contains(&["PROGRAM"]) || writes_a_file(&tokens)) {
        return Some("COPY with a file or a program".to_owned());
    }
    None
}

fn within(tokens: &Tokens<'_>) -> Option<&'static [&'static str]> {
    let mut rest = tokens.clone();
    while rest.peek().is_some() {
        if !NOT.iter().any(|words| rest.clone().eat(words))
            && let Some(words) = SHARED.iter().find(|words| rest.clone().eat(words))
        {
            return Some(words);
        }
        rest.next();
    }
    None
}

/// `TO 'file'`
fn writes_a_file(tokens: &Tokens<'_>) -> bool {
    let mut rest = tokens.clone();
    while rest.next().is_some() {
        if rest.eat(&["TO"]) && rest.peek().is_some_and(|token| token.kind == TokenKind::String) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::Dialect;

    fn told(sql: &str) -> Option<String> {
        beyond(&Script::parse(Dialect::Postgres, "V001__x.sql", 1, sql, true).unwrap())
    }

    #[test]
    fn what_acts_on_the_whole_server_is_named_with_its_line() {
        for (sql, what) in [
            ("select 1;\ncreate role app;", "V001__x.sql:2: CREATE ROLE"),
            ("alter database orders set work_mem = '1MB'", "V001__x.sql:1: ALTER DATABASE"),
            ("grant admins to app", "GRANT or REVOKE of a role"),
            ("do $$ begin execute 'create role app'; end $$", "DO with CREATE ROLE"),
            ("copy orders to '/tmp/x'", "COPY with a file"),
            ("copy orders from program 'ls'", "COPY with a file or a program"),
        ] {
            assert!(told(sql).is_some_and(|text| text.contains(what)), "{sql}: {:?}", told(sql));
        }
    }

    #[test]
    fn what_stays_in_its_database_is_not_named() {
        for sql in [
            "create table roles(id int)",
            "grant select on orders to app",
            "create user mapping for app server s",
            "do $$ begin execute 'drop table x'; end $$",
            "comment on table x is 'create role'",
            "alter table users owner to app",
        ] {
            assert_eq!(told(sql), None, "{sql}");
        }
    }
}

//! How sessions, times and limits are named. The same world gives the same words.

use jiff::Timestamp;

use crate::database::SessionFacts;
use crate::lint::split_name;

use super::Threshold;

/// How many are named one by one.
const MOST: usize = 3;
/// The longest name that is shown whole; the server's own are shorter, but for prepared transactions.
const LONGEST: usize = 200;

/// A name that others chose: nothing but what can be read on one line.
pub(super) fn clean(name: &str) -> String {
    let line: String =
        name.chars().filter(|sign| !sign.is_control()).map(|sign| if sign == '`' { '\'' } else { sign }).collect();
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}

/// `a, b and 2 more`
pub(super) fn several(names: impl IntoIterator<Item = String>) -> String {
    let mut names: Vec<String> = names.into_iter().collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let all = names.join(", ");
    if more == 0 { all } else { format!("{all} and {more} more") }
}

/// `session 4711 (app `batch`, role reporting)`
pub(super) fn session(session: &SessionFacts) -> String {
    let role = clean(&session.role);
    match session.application.as_str() {
        "" => format!("session {} (role {role})", session.pid),
        application => format!("session {} (app `{}`, role {role})", session.pid, clean(application)),
    }
}

/// `2026-11-25T02:05:00Z`
pub(super) fn since(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `spec.gates.preflight.maxTransactionAge is 5m`
pub(super) fn limit<T>(field: &str, threshold: &Threshold<T>) -> String {
    let unless = if threshold.named { "" } else { " unless set" };
    format!("spec.gates.preflight.{field} is {}{unless}", threshold.shown)
}

/// A name as SQL wants it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", clean(name).replace('"', "\"\""))
}

/// A table's name, as the facts have it, as SQL wants it.
pub(super) fn in_sql(table: &str) -> String {
    let part = |name: &str| {
        let plain = !name.is_empty()
            && !name.starts_with(|sign: char| sign.is_ascii_digit())
            && name.chars().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_');
        if plain { name.to_owned() } else { quoted(name) }
    };
    let (schema, name) = split_name(table);
    schema.map_or_else(|| part(&name), |schema| format!("{}.{}", part(&schema), part(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_chose_stay_on_one_line() {
        assert_eq!(clean("a`b\nc\u{1b}d"), "a'bcd");
        assert_eq!(clean(&"x".repeat(300)).chars().count(), 201);
    }

    #[test]
    fn a_name_is_quoted_where_sql_wants_it() {
        for (name, sql) in [
            ("orders", "orders"),
            ("app.orders", "app.orders"),
            ("Odd.My Table", "\"Odd\".\"My Table\""),
            ("\"a.b\".c", "\"a.b\".c"),
            ("app.1st", "app.\"1st\""),
        ] {
            assert_eq!(in_sql(name), sql);
        }
    }
}

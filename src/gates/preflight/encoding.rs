//! The database has the encoding that scripts and applications count on.

use super::{Case, Verdict, closed, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    if case.wanted.encodings.is_empty() {
        return None;
    }
    let there = &case.facts.encoding;
    match case.wanted.encodings.iter().find(|wanted| plain(wanted) != plain(there)) {
        None => open(format!("the database's encoding is {there}")),
        Some(wanted) => closed(
            format!("the database's encoding is {there}; spec.gates.preflight.encoding is {wanted}"),
            format!("an encoding cannot be changed: create another database with ENCODING '{wanted}' and move to it"),
        ),
    }
}

/// `utf-8` and `UTF8` are one encoding.
fn plain(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).map(|sign| sign.to_ascii_lowercase()).collect();
    if name == "unicode" { "utf8".to_owned() } else { name }
}

//! The server is not too old.

use super::words::limit;
use super::{Case, Verdict, closed, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let wanted = case.wanted.version.as_ref()?;
    let shown = format!("{}.{}", case.facts.version / 10_000, case.facts.version % 10_000);
    if case.facts.version >= wanted.value {
        return open(format!("the server is PostgreSQL {shown}"));
    }
    closed(
        format!("the server is PostgreSQL {shown}; {}", limit("minServerVersion", wanted)),
        format!("upgrade the server to PostgreSQL {} or later", wanted.shown),
    )
}

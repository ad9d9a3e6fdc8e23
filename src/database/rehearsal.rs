//! What a rehearsal is asked and what it answers: the way up, back and up again, on a copy of the schema without rows.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::plan::{Direction, Step};

use super::{Address, Credentials, RunIdentity, StepFailure};

/// How many differences one sentence names.
const NAMED: usize = 5;

/// What to rehearse.
#[derive(Debug, Clone)]
pub struct RehearsalRequest {
    /// Who asks: names the scratch database's owner for people.
    pub identity: RunIdentity,
    /// The server on which the scratch database is made; `None`: the database's own.
    pub server: Option<RehearsalServer>,
    /// The plan's steps up, in the order in which they will run.
    pub steps: Vec<Step>,
    /// The program that writes the schema out: `pg_dump`, or a path to it.
    pub dump_program: PathBuf,
    /// The scripts of one way run in one transaction, where none of them forbids it.
    pub one_transaction: bool,
    /// `statement_timeout` for each statement.
    pub statement_timeout: Duration,
    /// The whole rehearsal, the copying included.
    pub deadline: Duration,
}

/// A server on which rehearsals are held.
#[derive(Debug, Clone)]
pub struct RehearsalServer {
    /// Where it is, and a database there from which others are created.
    pub address: Address,
    /// Who logs in.
    pub credentials: Credentials,
}

/// What differs between two catalogs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `index public.orders_note_idx`
    pub object: String,
    /// `missing after the way back`
    pub what: String,
    /// What changed in its definition, at most 2000 characters. Definitions may hold literals: for the person who asked,
    /// not for status, events or logs.
    pub detail: Option<String>,
    /// It is only told, and disproves nothing: a column that was dropped and created anew stands last in its table, and no script
    /// can put it elsewhere.
    pub remark: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.what)
    }
}

/// A lock that a statement took on a table that was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockTaken {
    /// Which way.
    pub direction: Direction,
    /// The step's label.
    pub label: String,
    /// The file.
    pub file: String,
    /// 1-based line of the statement.
    pub line: u32,
    /// `table public.orders`
    pub table: String,
    /// The strongest lock, as PostgreSQL calls it: `AccessExclusiveLock`.
    pub mode: String,
    /// The statement wrote the whole table anew.
    pub rewrites: bool,
}

/// What a rehearsal says about the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Up, back and up again work, and lead where they should.
    Proven,
    /// They do not.
    Disproved,
    /// It could not be rehearsed to the end: neither good nor bad is known.
    Unproven,
}

/// A stretch of the way: not reached, or how it ended.
pub type Stretch = Option<Result<(), StepFailure>>;

/// How a rehearsal went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rehearsal {
    /// Why it could not be held (to the end), and the cure.
    pub obstacle: Option<String>,
    /// The way up.
    pub up: Stretch,
    /// The way back.
    pub down: Stretch,
    /// The way up once more.
    pub again: Stretch,
    /// Where the catalog is not what it was before, or not what it was after the first way up.
    pub differences: Vec<Difference>,
    /// The catalog before, as `sha256:…`.
    pub fingerprint: Option<String>,
    /// What was locked, each statement and table once. Of statements that run in a transaction.
    pub locks: Vec<LockTaken>,
    /// Wall time.
    pub elapsed: Duration,
}

impl Rehearsal {
    /// A rehearsal that could not be held.
    #[must_use]
    pub fn obstructed(why: impl Into<String>) -> Self {
        Self { obstacle: Some(why.into()), ..Self::default() }
    }

    /// The first stretch that failed: `the way back` and how.
    #[must_use]
    pub fn failure(&self) -> Option<(&'static str, &StepFailure)> {
        let stretches = [("the way up", &self.up), ("the way back", &self.down), ("the second way up", &self.again)];
        stretches.into_iter().find_map(|(name, stretch)| Some((name, stretch.as_ref()?.as_ref().err()?)))
    }

    /// Whether anything differs that decides.
    fn differs(&self) -> bool {
        self.differences.iter().any(|difference| !difference.remark)
    }

    /// What it says.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.failure() {
            // The copy has no rows: what stumbles over that proves nothing about the real one.
            Some((_, failure)) if !self.differs() && failure.sqlstate.as_deref().is_some_and(for_want_of_rows) => {
                Verdict::Unproven
            }
            Some(_) => Verdict::Disproved,
            None if self.differs() => Verdict::Disproved,
            None if self.obstacle.is_some() || self.again.is_none() => Verdict::Unproven,
            None => Verdict::Proven,
        }
    }
}

/// Whether an error may come from nothing but missing rows: a foreign key, an empty `SELECT … INTO STRICT`, a script that
/// raises an error itself.
fn for_want_of_rows(code: &str) -> bool {
    matches!(code, "23503" | "P0001" | "P0002" | "P0004")
}

impl fmt::Display for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.differences.iter().take(NAMED).map(ToString::to_string).collect();
        if self.differences.len() > NAMED {
            parts.push(format!("and {} more", self.differences.len() - NAMED));
        }
        // A way up that fails the second time is a consequence of what the way back left.
        if let Some((stretch, failure)) = self.failure() {
            parts.push(format!("{stretch} fails: {failure}"));
            if self.verdict() == Verdict::Unproven {
                parts.push("the copy has no rows, which may be the reason".to_owned());
            }
        }
        parts.extend(self.obstacle.clone());
        if parts.is_empty() {
            parts.push("up, back and up again work on a copy of the schema".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::FailureClass;

    fn failed(code: &str) -> Stretch {
        Some(Err(StepFailure {
            label: "003".to_owned(),
            file: "U003__x.sql".to_owned(),
            statement: Some(1),
            line: Some(2),
            column: Some(1),
            sqlstate: Some(code.to_owned()),
            class: FailureClass::Terminal,
            message: format!("U003__x.sql:2:1: {code}"),
            detail: None,
        }))
    }

    #[test]
    fn only_the_whole_way_proves() {
        assert_eq!(Rehearsal::obstructed("no pg_dump").to_string(), "no pg_dump");
        let whole = Rehearsal { up: Some(Ok(())), down: Some(Ok(())), again: Some(Ok(())), ..Rehearsal::default() };
        assert_eq!(whole.verdict(), Verdict::Proven);
        assert_eq!(Rehearsal { again: None, ..whole.clone() }.verdict(), Verdict::Unproven);
        assert_eq!(Rehearsal { obstacle: Some("x".to_owned()), ..whole.clone() }.verdict(), Verdict::Unproven);
        assert_eq!(Rehearsal { down: failed("42P01"), again: None, ..whole.clone() }.verdict(), Verdict::Disproved);
        let index =
            Difference { object: "index i".to_owned(), what: "missing".to_owned(), detail: None, remark: false };
        let order = Difference { remark: true, ..index.clone() };
        assert_eq!(Rehearsal { differences: vec![order], ..whole.clone() }.verdict(), Verdict::Proven);
        assert_eq!(Rehearsal { differences: vec![index], ..whole }.verdict(), Verdict::Disproved);
    }

    #[test]
    fn what_may_come_from_missing_rows_disproves_nothing() {
        let rehearsal = Rehearsal { up: failed("23503"), ..Rehearsal::default() };
        assert_eq!(rehearsal.verdict(), Verdict::Unproven);
        assert!(rehearsal.to_string().ends_with("the copy has no rows, which may be the reason"), "{rehearsal}");
    }

    #[test]
    fn many_differences_are_counted_instead_of_named() {
        let one = |n: usize| Difference {
            object: format!("index i{n}"),
            what: "missing".to_owned(),
            detail: None,
            remark: false,
        };
        let rehearsal = Rehearsal { differences: (0..9).map(one).collect(), ..Rehearsal::default() };
        assert!(rehearsal.to_string().ends_with("index i4: missing; and 4 more"), "{rehearsal}");
    }
}

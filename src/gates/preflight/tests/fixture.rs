//! A database in which everything is well, and short words for what tests change about it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::database::{
    Archiving, Connections, Extension, Fact, PreflightFacts, SessionFacts, Sessions, Standby, TableFacts, ThereFacts,
};
use crate::gates::preflight::{Case, Needs, Requirements, judge};
use crate::gates::{GateState, Verdict};

/// The server's clock.
pub fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

/// So many seconds before that.
pub fn ago(seconds: i64) -> Timestamp {
    now().checked_sub(SignedDuration::from_secs(seconds)).unwrap()
}

/// What cannot be told.
pub fn unknown<T>() -> Fact<T> {
    Fact::Unknown("role \"app\" may not see it".to_owned())
}

/// A database in which everything is well.
pub fn facts() -> PreflightFacts {
    PreflightFacts {
        now: now(),
        version: 150_018,
        encoding: "UTF8".to_owned(),
        role: "app".to_owned(),
        powers: Fact::Known(Vec::new()),
        extensions: Fact::Known(vec![
            Extension { name: "citext".to_owned(), installed: None, may_install: false },
            Extension { name: "pg_trgm".to_owned(), installed: Some("1.6".to_owned()), may_install: true },
            Extension { name: "uuid-ossp".to_owned(), installed: None, may_install: true },
        ]),
        connections: Fact::Known(Connections {
            used: 20,
            max: 100,
            reserved: 3,
            role: (5, None),
            database: (10, None),
        }),
        sessions: Fact::Known(Sessions::default()),
        prepared: Fact::Known(Vec::new()),
        standbys: Fact::Known(Vec::new()),
        slots: Fact::Known(Vec::new()),
        archiving: Fact::Known(Archiving::Working),
        tables: Fact::Known(Vec::new()),
        vacuums: Fact::Known(Vec::new()),
        invalid_indexes: Fact::Known(Vec::new()),
        database_age: Fact::Known(1000),
        databases_bytes: Fact::Known(30 << 30),
        wal_bytes: Fact::Known(10 << 30),
        table_bytes: Fact::Known(Vec::new()),
    }
}

/// The same with one thing changed.
pub fn but(change: impl FnOnce(&mut PreflightFacts)) -> PreflightFacts {
    let mut facts = facts();
    change(&mut facts);
    facts
}

/// A session that has been in a transaction for so many seconds, and idle in it for so many.
pub fn session(pid: i32, application: &str, age: i64, idle: Option<i64>) -> SessionFacts {
    SessionFacts {
        pid,
        role: "reporting".to_owned(),
        application: application.to_owned(),
        since: ago(age),
        idle_since: idle.map(ago),
    }
}

pub fn sessions(seen: Vec<SessionFacts>) -> PreflightFacts {
    but(|facts| facts.sessions = Fact::Known(Sessions { seen, hidden: None }))
}

pub fn standby(lag: Option<u64>, bytes: Option<u64>) -> Standby {
    Standby { name: "replica".to_owned(), catching_up: false, lag: lag.map(std::time::Duration::from_secs), bytes }
}

/// A table that the role owns.
pub fn table(name: &str) -> TableFacts {
    let there = ThereFacts { owner: "app".to_owned(), owns: true, may_use: true, wraparound: 10 };
    TableFacts { name: name.to_owned(), schema: Some("public".to_owned()), may_create: true, there: Some(there) }
}

/// What is asked for, as people write it.
pub fn wanted(spec: Value) -> Requirements {
    Requirements::of(&serde_json::from_value(spec).unwrap()).unwrap()
}

/// What one requirement says.
pub fn verdict(field: &str, spec: Value, facts: &PreflightFacts, needs: &Needs) -> Option<Verdict> {
    let wanted = wanted(spec);
    let all = judge(&Case { wanted: &wanted, facts, needs, free_disk: None });
    all.into_iter().find(|verdict| verdict.name.as_deref() == Some(field))
}

/// What one requirement says, in one line.
pub fn told(field: &str, spec: Value, facts: &PreflightFacts) -> String {
    line(verdict(field, spec, facts, &Needs::default()))
}

pub fn line(verdict: Option<Verdict>) -> String {
    let Some(Verdict { state, message, opens, .. }) = verdict else { return "nothing".to_owned() };
    assert_eq!(state == GateState::Open, opens.is_none(), "{message}");
    let opens = opens.map_or_else(String::new, |opens| format!(" → {opens}"));
    format!("{}: {message}{opens}", state.as_str())
}

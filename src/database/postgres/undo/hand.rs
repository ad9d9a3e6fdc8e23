//! The hand that puts rows back from a copy, for a way down and for a person.
//!
//! Each copy has a savepoint of its own: one that does not fit any more leaves nothing half done and stops nothing.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use crate::database::UndoRestored;

use super::super::connect::Link;
use super::super::failure::SqlError;
use super::super::quote::{ident, text};
use super::super::sqlstate::{Retry, retry};
use super::super::supervise::{Ended, Run, Side, supervised};
use super::kept::Kept;
use super::refused;
use super::statements::{before_restoring, foreign_keys};

/// How long Sluice's own part of a restoration may take; the server's `statement_timeout` ends it sooner.
const LOOK: Duration = Duration::from_secs(60);
/// Likewise for the rows, where no run sets an end.
const ROWS: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
struct Before {
    hash: String,
    table: String,
    triggers: Vec<Switch>,
    rules: Vec<Switch>,
    always: Vec<String>,
    sequences: Vec<Sequence>,
}

/// A trigger or a rule.
#[derive(Deserialize)]
struct Switch {
    name: String,
    enabled: String,
}

#[derive(Deserialize)]
struct Sequence {
    column: String,
    sequence: String,
    /// It counts down.
    down: bool,
    /// The column holds its numbers.
    counts: bool,
}

#[derive(Deserialize)]
struct ForeignKey {
    table: String,
    name: String,
}

/// By which rows are put back.
pub(super) struct Hand<'a> {
    pub link: &'a mut Link,
    /// A run, which may be told to stop.
    pub under: Option<(&'a mut Side, Run<'a>)>,
}

/// What came of a try: an inner error says why there is nothing of it.
type Tried<T> = Result<Result<T, String>, Ended>;

impl Hand<'_> {
    async fn run(&mut self, sql: &str) -> Ended {
        match &mut self.under {
            Some((side, run)) => supervised(self.link, side, *run, sql, None).await,
            None => {
                let work = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut self.link.conn);
                match timeout(ROWS, work).await {
                    Ok(Ok(done)) => Ended::Done(done.rows_affected()),
                    Ok(Err(error)) => Ended::Failed(error.into()),
                    Err(_) => Ended::Failed(SqlError::Lost(format!("no answer within {} s", ROWS.as_secs()))),
                }
            }
        }
    }

    /// Puts one copy back.
    pub async fn put_back(&mut self, kept: &Kept) -> Tried<UndoRestored> {
        self.savepoint().await?;
        let tried = self.one(kept).await;
        self.ended(tried).await
    }

    /// Fills a materialized view that the way down created, or filled, when its rows were not back yet.
    pub async fn fill(&mut self, view: &str) -> Tried<()> {
        self.savepoint().await?;
        let tried = self.done(&format!("refresh materialized view {view}")).await.map(|_| Ok(()));
        self.ended(tried).await
    }

    /// Puts copies back that refer to each other: foreign keys wait until all of them are there.
    pub async fn put_back_together(&mut self, all: &[Kept]) -> Tried<Vec<UndoRestored>> {
        self.savepoint().await?;
        let tried = self.all(all).await;
        self.ended(tried).await
    }

    async fn savepoint(&mut self) -> Result<(), Ended> {
        self.link.run("savepoint sluice_refill").await.map_err(Ended::Failed)
    }

    /// Keeps what was done since the savepoint, or takes it back.
    async fn ended<T>(&mut self, tried: Tried<T>) -> Tried<T> {
        let why = match tried {
            Ok(Ok(done)) => {
                self.link.run("release savepoint sluice_refill").await.map_err(Ended::Failed)?;
                return Ok(Ok(done));
            }
            Ok(Err(why)) => why,
            Err(Ended::Failed(SqlError::Server(error))) if retry(&error.code) != Retry::Soon => refused(&error),
            Err(ended) => return Err(ended),
        };
        let sql = "rollback to savepoint sluice_refill; release savepoint sluice_refill";
        self.link.run(sql).await.map_err(Ended::Failed)?;
        Ok(Err(why))
    }

    async fn one(&mut self, kept: &Kept) -> Tried<UndoRestored> {
        let before = match self.before(kept).await? {
            Ok(before) => before,
            Err(why) => return Ok(Err(why)),
        };
        let (open, close) = (before.open(kept), before.close(kept));
        self.done(&open).await?;
        let rows = self.done(&kept.restoration()).await?;
        if !open.is_empty() {
            // A table that has a foreign key yet to be looked at cannot be altered.
            self.done("set constraints all immediate").await?;
        }
        self.done(&close).await?;
        Ok(Ok(kept.came_back(rows)))
    }

    async fn all(&mut self, all: &[Kept]) -> Tried<Vec<UndoRestored>> {
        let (mut open, mut close, mut oids) = (String::new(), String::new(), Vec::new());
        for kept in all {
            match self.before(kept).await? {
                Ok(before) => {
                    open.push_str(&before.open(kept));
                    close.push_str(&before.close(kept));
                }
                Err(why) => return Ok(Err(why)),
            }
            oids.extend(kept.now.as_ref().map(|now| now.oid));
        }
        let keys: Vec<ForeignKey> = self.link.json_within(&foreign_keys(&oids), LOOK).await.map_err(Ended::Failed)?;
        for ForeignKey { table, name } in keys {
            let alter = format!("alter table {table} alter constraint {}", ident(&name));
            open.push_str(&format!("{alter} deferrable initially deferred;"));
            close.push_str(&format!("{alter} not deferrable;"));
        }
        self.done(&format!("{open} set constraints all deferred")).await?;
        let mut restored = Vec::new();
        for kept in all {
            restored.push(kept.came_back(self.done(&kept.restoration()).await?));
        }
        self.done(&format!("set constraints all immediate; {close}")).await?;
        Ok(Ok(restored))
    }

    async fn before(&mut self, kept: &Kept) -> Tried<Before> {
        let (Some(copy), Some(_), Some(now), true) = (&kept.copy, &kept.restore_sql, &kept.now, kept.there) else {
            return Ok(Err(kept.hopeless()));
        };
        let look = before_restoring(copy, now.oid);
        let before: Before = self.link.json_within(&look, LOOK).await.map_err(Ended::Failed)?;
        if kept.hash.as_ref() != Some(&before.hash) {
            return Ok(Err(format!("the copy sluice_undo.{copy} was changed since it was made")));
        }
        Ok(Ok(before))
    }

    async fn done(&mut self, sql: &str) -> Result<u64, Ended> {
        if sql.is_empty() {
            return Ok(0);
        }
        match self.run(sql).await {
            Ended::Done(rows) => Ok(rows),
            ended @ (Ended::Failed(_) | Ended::Cancelled(_)) => Err(ended),
        }
    }
}

impl Before {
    /// Rows that come back are no event: what a trigger or a rule did about them is done.
    fn open(&self, kept: &Kept) -> String {
        let mut sql = String::new();
        for (word, all) in [("trigger", &self.triggers), ("rule", &self.rules)] {
            for one in all {
                sql.push_str(&format!("alter table {} disable {word} {};", self.table, ident(&one.name)));
            }
        }
        if let Some(column) = self.always(kept) {
            sql.push_str(&format!("alter table {} alter {} set generated by default;", self.table, ident(column)));
        }
        sql
    }

    fn close(&self, kept: &Kept) -> String {
        let mut sql = String::new();
        for (word, all) in [("trigger", &self.triggers), ("rule", &self.rules)] {
            for one in all {
                let how = match one.enabled.as_str() {
                    "A" => "enable always",
                    "R" => "enable replica",
                    _ => "enable",
                };
                sql.push_str(&format!("alter table {} {how} {word} {};", self.table, ident(&one.name)));
            }
        }
        if let Some(column) = self.always(kept) {
            sql.push_str(&format!("alter table {} alter {} set generated always;", self.table, ident(column)));
        }
        for one in &self.sequences {
            sql.extend(self.go_on(one, kept));
        }
        sql
    }

    /// The column that is put back, where nobody may set it.
    fn always<'a>(&self, kept: &'a Kept) -> Option<&'a String> {
        kept.column.as_ref().filter(|column| self.always.contains(column))
    }

    /// A sequence that was created anew, or began anew, goes on where it was; where that is not known, behind the numbers that
    /// came back.
    fn go_on(&self, one: &Sequence, kept: &Kept) -> Option<String> {
        let saved = kept.sequences.get(&one.column);
        let concerned = match kept.what.as_str() {
            "table" => true,
            "column" => kept.column.as_ref() == Some(&one.column),
            // The table may be another one than that which lost them.
            _ => saved.is_some() || kept.gone,
        };
        if !concerned {
            return None;
        }
        let (most, behind) = if one.down { ("min", "<") } else { ("max", ">") };
        let end = match saved {
            Some(saved) => saved.to_string(),
            None if one.counts => {
                format!("(select pg_catalog.{most}({})::bigint from {})", ident(&one.column), self.table)
            }
            None => return None,
        };
        Some(format!(
            "select pg_catalog.setval({0}::pg_catalog.regclass, m.most) from (select {end} as most) m
                where m.most is not null and coalesce(m.most {behind} pg_catalog.pg_sequence_last_value({0}::pg_catalog.regclass), true);",
            text(&one.sequence),
        ))
    }
}

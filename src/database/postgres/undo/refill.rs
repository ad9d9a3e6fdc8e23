//! Putting rows back: after a way down in its transaction, or for a person.
//!
//! Each copy has a savepoint of its own: one that does not fit any more leaves nothing half done and stops nothing.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use crate::database::UndoRestored;
use crate::plan::{Action, Step};

use super::super::connect::Link;
use super::super::failure::{Place, SqlError};
use super::super::quote::{ident, text};
use super::super::record::key;
use super::super::session::PostgresSession;
use super::super::settings::ourselves;
use super::super::sqlstate::{Retry, retry};
use super::super::supervise::{Ended, Run, Side, supervised};
use super::super::unit::Attempt;
use super::copy::Noted;
use super::statements::{before_restoring, guise, not_restored, of_version, restored};
use super::{Guise, refused};

/// How long Sluice's own part of a restoration may take; the server's `statement_timeout` ends it sooner.
const LOOK: Duration = Duration::from_secs(60);
/// Likewise for the rows, where no run sets an end.
const ROWS: Duration = Duration::from_secs(3600);

/// A copy, as the ledger knows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Kept {
    pub id: i64,
    pub object: String,
    what: String,
    copy: Option<String>,
    rows: Option<u64>,
    hash: Option<String>,
    restore_sql: Option<String>,
    note: Option<String>,
    pub dropped: bool,
    pub restored: bool,
    there: bool,
    now: Option<Now>,
}

/// What a table and a column are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Now {
    oid: i64,
    column: Option<String>,
}

#[derive(Deserialize)]
struct Before {
    hash: String,
    table: String,
    triggers: Vec<Trigger>,
    sequences: Vec<Sequence>,
}

#[derive(Deserialize)]
struct Trigger {
    name: String,
    enabled: String,
}

#[derive(Deserialize)]
struct Sequence {
    column: String,
    sequence: String,
}

/// What a way down finds before it begins: by it the refilling knows what the script re-created.
#[derive(Debug, Default)]
pub(in super::super) struct Refill(HashMap<i64, Option<Now>>);

/// By which rows are put back.
pub(super) struct Hand<'a> {
    pub link: &'a mut Link,
    /// A run, which may be told to stop.
    pub under: Option<(&'a mut Side, Run<'a>)>,
}

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

    /// Puts one copy back. The inner error says why it was not; then nothing of it is in effect.
    pub async fn put_back(&mut self, kept: &Kept) -> Result<Result<UndoRestored, String>, Ended> {
        let (Some(copy), Some(sql), Some(now)) = (&kept.copy, &kept.restore_sql, &kept.now) else {
            return Ok(Err(kept.hopeless()));
        };
        if !kept.there {
            return Ok(Err(kept.hopeless()));
        }
        self.link.run("savepoint sluice_refill").await.map_err(Ended::Failed)?;
        match self.rows(copy, sql, now.oid, kept).await {
            Ok(Ok(rows)) => {
                self.link.run("release savepoint sluice_refill").await.map_err(Ended::Failed)?;
                let left = kept.rows.unwrap_or(rows).saturating_sub(rows);
                Ok(Ok(UndoRestored { object: kept.object.clone(), rows, left }))
            }
            Ok(Err(why)) => {
                self.take_back().await?;
                Ok(Err(why))
            }
            Err(Ended::Failed(SqlError::Server(error))) if retry(&error.code) != Retry::Soon => {
                self.take_back().await?;
                Ok(Err(refused(&error)))
            }
            Err(ended) => Err(ended),
        }
    }

    async fn take_back(&mut self) -> Result<(), Ended> {
        let sql = "rollback to savepoint sluice_refill; release savepoint sluice_refill";
        self.link.run(sql).await.map_err(Ended::Failed)
    }

    async fn rows(&mut self, copy: &str, sql: &str, oid: i64, kept: &Kept) -> Result<Result<u64, String>, Ended> {
        let before: Before = self.link.json_within(&before_restoring(copy, oid), LOOK).await.map_err(Ended::Failed)?;
        if kept.hash.as_ref() != Some(&before.hash) {
            return Ok(Err(format!("the copy sluice_undo.{copy} was changed since it was made")));
        }
        // Rows that come back are no event: what a trigger did about them is done.
        let triggers = |action: &dyn Fn(&Trigger) -> String| -> String {
            let each = before.triggers.iter().map(|trigger| {
                format!("alter table {} {} trigger {};", before.table, action(trigger), ident(&trigger.name))
            });
            each.collect()
        };
        if !before.triggers.is_empty() {
            self.done(&triggers(&|_| "disable".to_owned())).await?;
        }
        let rows = self.done(sql).await?;
        let mut end = triggers(&|trigger| match trigger.enabled.as_str() {
            "A" => "enable always".to_owned(),
            "R" => "enable replica".to_owned(),
            _ => "enable".to_owned(),
        });
        if kept.what == "table" {
            // A sequence that was created anew begins with numbers that came back.
            for Sequence { column, sequence } in &before.sequences {
                end.push_str(&format!(
                    "select pg_catalog.setval({0}::pg_catalog.regclass, m.most) from (select pg_catalog.max({1}) as most from {2}) m
                        where m.most > coalesce(pg_catalog.pg_sequence_last_value({0}::pg_catalog.regclass), 0);",
                    text(sequence),
                    ident(column),
                    before.table
                ));
            }
        }
        if !end.is_empty() {
            self.done(&end).await?;
        }
        Ok(Ok(rows))
    }

    async fn done(&mut self, sql: &str) -> Result<u64, Ended> {
        match self.run(sql).await {
            Ended::Done(rows) => Ok(rows),
            ended @ (Ended::Failed(_) | Ended::Cancelled(_)) => Err(ended),
        }
    }
}

impl Kept {
    /// Why nothing can be put back from it.
    fn hopeless(&self) -> String {
        let because = |note: &Option<String>| note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        match (&self.copy, &self.restore_sql) {
            (None, _) => format!("its rows were not copied{}", because(&self.note)),
            (Some(copy), _) if !self.there => format!("the copy sluice_undo.{copy} is not there any more"),
            (Some(_), None) => format!("only a person can restore it{}", because(&self.note)),
            (Some(_), Some(_)) => "there is no such table now".to_owned(),
        }
    }

    /// Why a way down left it alone: what it took away was not re-created.
    fn not_recreated(&self, before: Option<&Now>) -> Option<String> {
        let now = self.now.as_ref()?;
        let untouched = match self.what.as_str() {
            "rows" => false,
            "table" => before.is_some_and(|before| before.oid == now.oid),
            _ => now.column.is_none() || before == Some(now),
        };
        untouched.then(|| "the way down did not re-create it".to_owned())
    }
}

impl PostgresSession {
    /// Before a way down: what its version took away, where it was copied.
    pub(in super::super) async fn before_way_down(
        &mut self,
        step: &Step,
        place: &Place<'_>,
    ) -> Result<Refill, Attempt> {
        if !matches!(step.action, Action::Revert { .. }) {
            return Ok(Refill::default());
        }
        let kept = self.kept(step, place).await?;
        Ok(Refill(kept.into_iter().map(|kept| (kept.id, kept.now)).collect()))
    }

    /// Looked at as ourselves, and nothing is left of that.
    async fn kept(&mut self, step: &Step, place: &Place<'_>) -> Result<Vec<Kept>, Attempt> {
        let look = format!(
            "savepoint sluice_look; {} {}; rollback to savepoint sluice_look; release savepoint sluice_look",
            ourselves(self.other_role.as_deref()),
            of_version(&self.sql.schema, &key(step))
        );
        self.asked(&look, place).await
    }

    /// After a way down: refills what it re-created.
    pub(in super::super) async fn refill(
        &mut self,
        step: &Step,
        before: &Refill,
        place: &Place<'_>,
        run: Run<'_>,
        noted: &mut Noted,
    ) -> Result<(), Attempt> {
        if before.0.is_empty() {
            return Ok(());
        }
        let mut rest = self.kept(step, place).await?;
        let guise: Guise =
            self.asked(&format!("select pg_catalog.json_build_object({})::text", guise()), place).await?;
        self.aside(&ourselves(self.other_role.as_deref()), place).await?;
        let schema = self.sql.schema.clone();
        // A table may wait for another one that it refers to.
        let mut refused: HashMap<i64, String> = HashMap::new();
        loop {
            let tried = rest.len();
            let mut again = Vec::new();
            for kept in rest {
                let result = match kept.not_recreated(before.0.get(&kept.id).and_then(Option::as_ref)) {
                    Some(why) => Ok(Err(why)),
                    None => {
                        let mut hand = Hand { link: &mut self.link, under: Some((&mut self.side, run)) };
                        hand.put_back(&kept).await
                    }
                };
                match result {
                    Ok(Ok(done)) => {
                        noted.record.push_str(&restored(&schema, kept.id, done.rows, done.left));
                        noted.told.push(done.to_string());
                    }
                    Ok(Err(why)) => {
                        refused.insert(kept.id, why);
                        again.push(kept);
                    }
                    Err(ended) => {
                        self.conclude(ended, place).await?;
                    }
                }
            }
            if again.is_empty() || again.len() == tried {
                rest = again;
                break;
            }
            rest = again;
        }
        for kept in rest {
            let why = refused.remove(&kept.id).unwrap_or_default();
            noted.record.push_str(&not_restored(&schema, kept.id, &why));
            noted.told.push(format!(
                "{}: not restored, {why}; the copy is kept (sluice undo restore {})",
                kept.object, kept.id
            ));
        }
        self.aside(&guise.back(), place).await
    }
}

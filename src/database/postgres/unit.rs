//! Transactional steps: begin, lock, look, run, record, commit — and all of it again when a lock was not to be had.

use std::collections::HashMap;
use std::time::Instant;

use serde::Deserialize;

use crate::database::{DatabaseError, FailureClass, Stage, StepReport};
use crate::plan::{Action, Step};

use super::failure::{Place, SqlError, lost, name};
use super::ledger::RawJournal;
use super::patience::Patience;
use super::quote::millis;
use super::record::{ENDED, FENCE, key};
use super::session::{PostgresSession, show_step};
use super::sqlstate::{LOCK_NOT_AVAILABLE, QUERY_CANCELED, Retry, retry};
use super::statements::{clean, ourselves};
use super::supervise::{Ended, InTheWay, Run, statement};

/// What a transaction finds when it begins: [`super::statements::Sql::begin_unit`].
#[derive(Debug, Deserialize)]
pub(super) struct Opened {
    pid: i32,
    locked: bool,
    pub transaction: String,
    newest_run: Option<uuid::Uuid>,
    pub rows: HashMap<String, Row>,
}

/// Where a version stands, as a transaction found it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub status: String,
    pub reverting: bool,
    pub attempt: i32,
    pub journal: Option<Vec<RawJournal>>,
}

impl Row {
    /// Whether a step would bring the version where it is already.
    fn has(&self, action: &Action) -> bool {
        let in_effect =
            self.status == "completed" || self.reverting && matches!(self.status.as_str(), "running" | "failed");
        match action {
            Action::Apply { .. } | Action::Baseline { .. } => in_effect,
            Action::Revert { .. } => !in_effect,
            // What counts there is the content, which the row's own condition compares.
            Action::Repeat { .. } => false,
        }
    }
}

/// Why an attempt came to nothing.
pub(super) enum Attempt {
    /// Somebody is in the way: the same again, later.
    Again(Box<crate::database::StepFailure>),
    /// It ends here.
    Over(DatabaseError),
}

impl From<DatabaseError> for Attempt {
    fn from(error: DatabaseError) -> Self {
        Self::Over(error)
    }
}

impl PostgresSession {
    /// Steps in one transaction, tried until the locks are to be had or the patience ends.
    pub(super) async fn transactional(
        &mut self,
        steps: &[Step],
        last: bool,
        run: Run<'_>,
    ) -> Result<Vec<StepReport>, DatabaseError> {
        let mut patience = Patience::new(self.settings.lock_timeout, self.settings.lock_retry_deadline);
        let before = run.progress.current();
        loop {
            match self.attempt(steps, last, &patience, run).await {
                Ok(mut reports) => {
                    run.progress.update(|progress| {
                        progress.steps_done = before.steps_done + steps.len();
                        progress.blockers.clear();
                        progress.note = None;
                    });
                    reports.iter_mut().for_each(|report| report.retries = patience.tries);
                    return Ok(reports);
                }
                Err(Attempt::Over(error)) => return Err(error),
                Err(Attempt::Again(failure)) => {
                    run.progress.update(|progress| progress.statements_done = before.statements_done);
                    self.wait(*failure, &mut patience, run).await?;
                }
            }
        }
    }

    /// Waits before the next try, or explains why there is none.
    pub(super) async fn wait(
        &mut self,
        mut failure: crate::database::StepFailure,
        patience: &mut Patience,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let Some(pause) = patience.pause() else {
            failure.class = FailureClass::Deadline;
            let who: Vec<String> = self.side.in_the_way.iter().map(InTheWay::describe).collect();
            let who = if who.is_empty() { String::new() } else { format!("; in the way: {}", who.join(", ")) };
            failure.message = format!(
                "{}; gave up after {} tries within spec.execution.lockRetryDeadline{who}",
                failure.message, patience.tries
            );
            return Err(DatabaseError::Step(Box::new(failure)));
        };
        let code = failure.sqlstate.clone().unwrap_or_default();
        run.progress.update(|progress| {
            progress.stage = Stage::RetryingLock;
            progress.lock_retries += 1;
            progress.note = Some(format!("{} tries ended in {}; the next follows", patience.tries, name(&code)));
        });
        tokio::select! {
            () = self.side.pause(pause) => Ok(()),
            () = run.stop.gently.cancelled() => {
                Err(DatabaseError::Stopped(format!("while {} waited for locks; nothing of it is in effect", failure.label)))
            }
            cause = run.end() => {
                let place = Place { label: failure.label, file: &failure.file, statement: None, left: "nothing of it is in effect" };
                Err(self.ended(cause, &place))
            }
        }
    }

    async fn attempt(
        &mut self,
        steps: &[Step],
        last: bool,
        patience: &Patience,
        run: Run<'_>,
    ) -> Result<Vec<StepReport>, Attempt> {
        let Some(first) = steps.first() else { return Ok(Vec::new()) };
        if let Some(cause) = run.ended() {
            return Err(Attempt::Over(self.ended(cause, &place(first))));
        }
        let opened = self.begin(steps, patience, &clean(&self.settings)).await?;
        let mut record = String::new();
        let mut reports = Vec::new();
        for step in steps {
            let started = Instant::now();
            show_step(run, &step.label());
            self.statements(step, patience, run).await?;
            let elapsed = started.elapsed();
            record.push_str(&self.recorder.done(step, elapsed));
            reports.push(StepReport { label: step.label(), elapsed, retries: 0 });
        }
        let last_step = steps.last().unwrap_or(first);
        self.commit(&opened.transaction, &record, last, &place(last_step), run).await?;
        Ok(reports)
    }

    /// Begins a transaction under the lock and makes sure that the ledger is as the plan expects.
    pub(super) async fn begin(
        &mut self,
        steps: &[Step],
        patience: &Patience,
        prelude: &str,
    ) -> Result<Opened, Attempt> {
        let keys: Vec<String> = steps.iter().map(key).collect();
        let text = format!(
            "{prelude} begin isolation level read committed; set local lock_timeout = {}; {}",
            millis(patience.lock_timeout()),
            self.sql.begin_unit(keys.iter().map(String::as_str))
        );
        let opened: Opened = match self.link.json(&text).await {
            Ok(opened) => opened,
            Err(error) => {
                self.roll_back(&error).await?;
                return Err(Attempt::Over(self.own_error(&error)));
            }
        };
        let ours = opened.newest_run == Some(self.identity.id);
        let stale =
            steps.iter().zip(&keys).any(|(step, key)| opened.rows.get(key).is_some_and(|row| row.has(&step.action)));
        if opened.pid == self.backend.pid && opened.locked && ours && !stale {
            return Ok(opened);
        }
        self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
        let holder = if opened.locked { None } else { self.holder().await? };
        Err(Attempt::Over(DatabaseError::LockLost(holder)))
    }

    async fn statements(&mut self, step: &Step, patience: &Patience, run: Run<'_>) -> Result<(), Attempt> {
        let Some(script) = step.script() else { return Ok(()) };
        // Once somebody was in the way it is worth a look who, while the statement still waits.
        let first_look = (patience.tries > 0).then(|| patience.lock_timeout() / 2);
        for one in &script.statements {
            let place = Place { statement: Some(one), ..place(step) };
            let ended = statement(&mut self.link, &mut self.side, run, &one.text, first_look).await;
            self.conclude(ended, &place).await?;
            run.progress.update(|progress| progress.statements_done += 1);
        }
        Ok(())
    }

    /// Records and commits in one round trip.
    pub(super) async fn commit(
        &mut self,
        transaction: &str,
        record: &str,
        last: bool,
        place: &Place<'_>,
        run: Run<'_>,
    ) -> Result<(), Attempt> {
        let text = format!(
            "{} {} {} {record} commit",
            ourselves(self.other_role.as_deref()),
            self.durability(last),
            self.recorder.same_transaction(transaction),
        );
        let ended = statement(&mut self.link, &mut self.side, run, &text, None).await;
        if let Ended::Failed(SqlError::Server(error)) = &ended {
            if error.words.contains(FENCE) {
                self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
                return Err(Attempt::Over(DatabaseError::LockLost(None)));
            }
            if error.words.contains(ENDED) {
                self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
                return Err(Attempt::Over(DatabaseError::Step(Box::new(place.failure(
                    FailureClass::NeedsOperator,
                    "the script ended the transaction that it ran in: what came before that is in effect although nothing is \
                     recorded; take it back by hand, and mark the script `-- sluice:no-transaction`",
                )))));
            }
        }
        self.conclude(ended, place).await
    }

    /// What the end of a statement in a transaction means; anything but success rolls back.
    async fn conclude(&mut self, ended: Ended, place: &Place<'_>) -> Result<(), Attempt> {
        match ended {
            Ended::Done(_) => Ok(()),
            Ended::Failed(SqlError::Lost(why)) => Err(Attempt::Over(lost(&self.link.address, &why))),
            Ended::Cancelled(cause) => {
                self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
                Err(Attempt::Over(self.ended(cause, place)))
            }
            Ended::Failed(SqlError::Server(error)) => {
                self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
                let mut failure = Box::new(place.server(&error));
                if retry(&error.code) == Retry::Soon {
                    return Err(Attempt::Again(failure));
                }
                if error.code == QUERY_CANCELED {
                    // Nobody here asked for it: the server's statement_timeout, or a person on the server.
                    failure.class = FailureClass::Deadline;
                    failure.message.push_str(&format!(
                        "; cancelled by statement_timeout ({} s, spec.execution.statementTimeout) or by somebody on the server",
                        self.settings.statement_timeout.as_secs()
                    ));
                }
                debug_assert_ne!(error.code, LOCK_NOT_AVAILABLE);
                Err(Attempt::Over(DatabaseError::Step(failure)))
            }
        }
    }
}

/// Where a transactional step stands when it fails.
fn place(step: &Step) -> Place<'_> {
    let file = step.script().map_or("", |script| script.file.as_str());
    Place { label: step.label(), file, statement: None, left: "nothing of it is in effect" }
}

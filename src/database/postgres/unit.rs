//! Transactional steps: begin, lock, look, run, record, commit — and all of it again when a lock was not to be had.

use std::collections::HashMap;
use std::time::Instant;

use serde::Deserialize;

use crate::database::{DatabaseError, FailureClass, Stage, StepFailure, StepReport};
use crate::plan::{Action, Step};

use super::failure::{Place, ServerError, SqlError, lost, name};
use super::ledger::RawJournal;
use super::patience::Patience;
use super::quote::millis;
use super::record::{ENDED, FENCE, key};
use super::session::PostgresSession;
use super::settings::{BEGIN, ourselves};
use super::sqlstate::{QUERY_CANCELED, Retry, retry};
use super::supervise::{Ended, InTheWay, Run, show_free, show_step, supervised};
use super::undo::{Before, Noted, supersede};

/// What a transaction finds when it begins: [`super::statements::Sql::begin_unit`].
#[derive(Debug, Deserialize)]
pub(super) struct Opened {
    pub transaction: String,
    newest_run: Option<uuid::Uuid>,
    /// Bytes of that run's undo copies.
    copied: u64,
    pub rows: HashMap<String, Row>,
}

/// Whether the transaction has the lock.
#[derive(Debug, Deserialize)]
struct Locked {
    pid: i32,
    locked: bool,
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
    /// Whether a journal says that this step was begun without a transaction and did not end. A repeatable begins anew.
    fn goes_on(&self, step: &Step) -> bool {
        let begun = self.journal.as_ref().is_some_and(|journal| !journal.is_empty());
        let down = matches!(step.action, Action::Revert { .. });
        begun && self.reverting == down && !matches!(step.action, Action::Repeat { .. })
    }

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
    Again(Box<StepFailure>),
    /// It ends here.
    Over(DatabaseError),
    /// The script was begun without a transaction, and goes on that way.
    Journaled(String),
}

impl Attempt {
    /// As an error, where there is no other try.
    pub fn into_error(self) -> DatabaseError {
        match self {
            Self::Again(failure) => DatabaseError::Step(failure),
            Self::Over(error) => error,
            Self::Journaled(label) => DatabaseError::Ledger(format!(
                "version {label} was begun without a transaction and did not end; finish it with \
                 spec.execution.transaction: PerMigration"
            )),
        }
    }
}

impl From<DatabaseError> for Attempt {
    fn from(error: DatabaseError) -> Self {
        Self::Over(error)
    }
}

/// What of a step is in effect that runs in one transaction and has not committed.
pub(super) const NOTHING: &str = "nothing of it is in effect";

impl PostgresSession {
    /// Steps in one transaction, tried until the locks are to be had or the patience ends. `None`: the one step was begun
    /// without a transaction, and has to go on that way.
    pub(super) async fn transactional(
        &mut self,
        steps: &[Step],
        last: bool,
        run: Run<'_>,
    ) -> Result<Option<Vec<StepReport>>, DatabaseError> {
        let mut patience = Patience::of(&self.settings);
        let before = run.progress.current();
        loop {
            match self.attempt(steps, last, &patience, run).await {
                Ok(mut reports) => {
                    run.progress.update(|progress| progress.steps_done = before.steps_done + steps.len());
                    show_free(run);
                    reports.iter_mut().for_each(|report| report.retries = patience.tries);
                    return Ok(Some(reports));
                }
                Err(Attempt::Journaled(_)) if steps.len() == 1 => return Ok(None),
                Err(error @ (Attempt::Over(_) | Attempt::Journaled(_))) => return Err(error.into_error()),
                Err(Attempt::Again(failure)) => {
                    run.progress.update(|progress| progress.statements_done = before.statements_done);
                    self.wait(*failure, NOTHING, &mut patience, run).await?;
                }
            }
        }
    }

    /// Waits before the next try, or explains why there is none. `left`: what of the step is in effect meanwhile.
    pub(super) async fn wait(
        &mut self,
        mut failure: StepFailure,
        left: &str,
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
        // Who is in the way is seen at the second try. What is over by then is not worth telling.
        let tell = patience.tries > 2 || !self.side.in_the_way.is_empty();
        run.progress.update(|progress| {
            if tell {
                progress.stage = Stage::RetryingLock;
            }
            progress.lock_retries += 1;
            progress.note = Some(format!("{} tries ended in {}; the next follows", patience.tries, name(&code)));
        });
        tokio::select! {
            () = self.side.pause(pause) => Ok(()),
            () = run.stop.gently.cancelled() => {
                Err(DatabaseError::Stopped(format!("while {} waited for locks; {left}", failure.label)))
            }
            cause = run.end() => {
                let place = Place { label: failure.label, file: &failure.file, statement: None, left };
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
        let timeout = format!("set local lock_timeout = {};", millis(patience.lock_timeout()));
        let opened = self.begin(steps, &self.clean(), &timeout, &place(first)).await?;
        let journaled = |step: &&Step| opened.rows.get(&key(step)).is_some_and(|row| row.goes_on(step));
        if let Some(step) = steps.iter().find(journaled) {
            self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
            return Err(Attempt::Journaled(step.label()));
        }
        let mut record = String::new();
        let mut reports = Vec::new();
        for step in steps {
            let started = Instant::now();
            show_step(run, &step.label(), patience.tries > 0);
            let noted = self.statements(step, patience, run).await?;
            let elapsed = started.elapsed();
            record.push_str(&self.recorder.done(step, elapsed));
            record.push_str(&noted.record);
            if matches!(step.action, Action::Apply { .. }) {
                record.push_str(&supersede(&self.sql.schema, &key(step), &self.recorder.run));
            }
            reports.push(StepReport { label: step.label(), elapsed, retries: 0, undo: noted.told });
        }
        let last_step = steps.last().unwrap_or(first);
        self.commit(&opened.transaction, &record, last, &place(last_step), run).await?;
        Ok(reports)
    }

    /// Begins a transaction under the lock and makes sure that the ledger is as the plan expects.
    pub(super) async fn begin(
        &mut self,
        steps: &[Step],
        prelude: &str,
        local: &str,
        place: &Place<'_>,
    ) -> Result<Opened, Attempt> {
        let keys: Vec<String> = steps.iter().map(key).collect();
        let text = format!(
            "{BEGIN} {prelude} {local} {}",
            self.sql.begin_unit(keys.iter().map(String::as_str), self.other_role.as_deref())
        );
        let (lock, opened): (Locked, Opened) = match self.link.two(&text).await {
            Ok(answers) => answers,
            Err(error) => {
                self.roll_back(&error).await?;
                if let SqlError::Server(error) = &error
                    && retry(&error.code) == Retry::Soon
                {
                    return Err(Attempt::Again(Box::new(place.server(error))));
                }
                return Err(Attempt::Over(self.own_error(&error)));
            }
        };
        let ours = opened.newest_run == Some(self.identity.id);
        let stale =
            steps.iter().zip(&keys).any(|(step, key)| opened.rows.get(key).is_some_and(|row| row.has(&step.action)));
        if lock.pid == self.backend.pid && lock.locked && ours && !stale {
            self.copied = opened.copied;
            return Ok(opened);
        }
        self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
        let holder = if lock.locked { None } else { self.holder().await? };
        Err(Attempt::Over(DatabaseError::LockLost(holder)))
    }

    /// What they take away is copied before, and what a way down re-creates is refilled after them.
    async fn statements(&mut self, step: &Step, patience: &Patience, run: Run<'_>) -> Result<Noted, Attempt> {
        let mut noted = Noted::default();
        let Some(script) = step.script() else { return Ok(noted) };
        let first_look = patience.first_look();
        let whole = place(step);
        let mut refill = self.before_way_down(step, None, &whole).await?;
        let mut before = Before::default();
        for one in &script.statements {
            let place = Place { statement: Some(one), ..place(step) };
            let taken = self.copy_before(step, one, &before, &place, run, &mut noted).await?;
            let ended = self.statement_of(step, one, &mut refill, first_look, &place, run).await?;
            let affected = self.conclude(ended, &place).await?;
            self.settle_copies(taken, affected, &place, run, &mut noted).await?;
            run.progress.update(|progress| progress.statements_done += 1);
            if self.settings.undo.is_some() {
                before.names.read(one);
            }
        }
        self.refill(step, &refill, &whole, run, &mut noted).await?;
        Ok(noted)
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
        // What waits for the end of the transaction is still the script's: a trigger looks names up as the script does.
        let text = format!(
            "set constraints all immediate; {} {} {} {record} commit",
            ourselves(self.other_role.as_deref()),
            self.durability(last),
            self.recorder.same_transaction(transaction),
        );
        let ended = supervised(&mut self.link, &mut self.side, run, &text, None).await;
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
        self.conclude(ended, place).await.map(|_| ())
    }

    /// What the end of a statement in a transaction means: the rows it affected, or a rollback.
    pub(super) async fn conclude(&mut self, ended: Ended, place: &Place<'_>) -> Result<u64, Attempt> {
        match ended {
            Ended::Done(rows) => Ok(rows),
            Ended::Failed(SqlError::Lost(why)) => Err(Attempt::Over(lost(&self.link.address, &why))),
            Ended::Cancelled(cause) => {
                self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
                Err(Attempt::Over(self.ended(cause, place)))
            }
            Ended::Failed(SqlError::Server(error)) => {
                self.link.run("rollback").await.map_err(|error| self.own_error(&error))?;
                let failure = Box::new(self.judged(place, &error));
                match retry(&error.code) {
                    Retry::Soon => Err(Attempt::Again(failure)),
                    Retry::Later | Retry::Never => Err(Attempt::Over(DatabaseError::Step(failure))),
                }
            }
        }
    }

    /// A failure that the server reported, and that nobody here asked for.
    pub(super) fn judged(&self, place: &Place<'_>, error: &ServerError) -> StepFailure {
        let mut failure = place.server(error);
        if error.code == QUERY_CANCELED {
            failure.class = FailureClass::Deadline;
            failure.message.push_str(&format!(
                "; cancelled by statement_timeout ({}, spec.execution.statementTimeout) or by somebody on the server",
                crate::duration::format(self.settings.statement_timeout)
            ));
        }
        failure
    }
}

/// Where a transactional step stands when it fails.
fn place(step: &Step) -> Place<'_> {
    let file = step.script().map_or("", |script| script.file.as_str());
    Place { label: step.label(), file, statement: None, left: NOTHING }
}

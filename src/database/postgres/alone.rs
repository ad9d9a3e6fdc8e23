//! One statement that cannot run in a transaction: announce it, run it, see what became of it.

use std::time::Duration;

use tokio::time::sleep;

use crate::database::{Blocker, DatabaseError, FailureClass, Stage};
use crate::migration::{Statement, StatementClass};

use super::failure::{Place, SqlError, lost};
use super::journaled::{Along, Journaled, in_effect, left_behind};
use super::ledger::RawJournal;
use super::patience::Patience;
use super::probe::{Phase, Verdict};
use super::quote::{millis, text};
use super::recognise::{Known, recognise};
use super::session::PostgresSession;
use super::sqlstate::{Retry, retry};
use super::supervise::{Cause, Ended, Run, statement, supervised};
use super::unit::Attempt;

/// How often an orphan, or another builder of the same index, is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A statement that waits politely usually waits for somebody; that is worth an early look.
const EARLY: Duration = Duration::from_millis(500);
/// What a statement that is not tried again may wait for a table lock: no writer is stalled longer.
const SINGLE_TRY: Duration = Duration::from_secs(1);

/// What of a statement is in effect that may commit in its midst and failed.
const OPAQUE_FAILED: &str = "what it committed before stays, with what ran before it; the next run begins it anew";

/// What is left to do.
enum Left {
    /// Nothing: it is in effect.
    Nothing,
    /// This statement.
    Run(String),
}

/// One statement, and everything needed to talk about it.
struct Alone<'a> {
    script: &'a Journaled<'a>,
    one: &'a Statement,
    known: Known,
    before: Option<String>,
    place: Place<'a>,
}

impl PostgresSession {
    /// Runs one statement outside of any transaction until it is in effect, or explains why it is not.
    pub(super) async fn alone(
        &mut self,
        script: &Journaled<'_>,
        one: &Statement,
        along: &mut Along,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let left = left_behind(one);
        let known = match one.class {
            StatementClass::NonTransactional => recognise(&one.text),
            StatementClass::Transactional
            | StatementClass::MayCommit
            | StatementClass::Begin
            | StatementClass::Commit
            | StatementClass::Rollback => Known::Opaque,
        };
        let mut patience = Patience::of(&self.settings);
        let mut this = Alone { script, one, known, before: None, place: script.place(one, &left) };
        let mut phase = Phase::First;
        if let Some(entry) = script.in_doubt(one) {
            phase = Phase::Resumed;
            this.before.clone_from(&entry.before);
            self.outlive(entry, &this, &patience, run).await?;
        } else {
            this.before = self.snapshot(&this.known).await?;
        }
        loop {
            let sql = match self.settle(&this, phase, &mut patience, run).await? {
                Left::Nothing => return self.executed(&this, None, along, run).await,
                Left::Run(sql) => sql,
            };
            self.announce(&this, &patience, run).await?;
            let first_look = if this.known.waits_politely() { Some(EARLY) } else { patience.first_look() };
            match statement(&mut self.link, &mut self.side, run, &sql, first_look).await {
                Ended::Done(rows) => {
                    if let Left::Nothing = self.settle(&this, Phase::AfterSuccess, &mut patience, run).await? {
                        return self.executed(&this, Some(rows), along, run).await;
                    }
                }
                Ended::Cancelled(cause) => return Err(self.cut_short(cause, &this)),
                Ended::Failed(SqlError::Lost(why)) => return Err(lost(&self.link.address, &why)),
                Ended::Failed(SqlError::Server(error)) => {
                    let left = if this.known == Known::Opaque { OPAQUE_FAILED } else { this.place.left };
                    let mut failure = self.judged(&Place { left, ..this.place.clone() }, &error);
                    if let Err(error) = self.settle(&this, Phase::AfterError, &mut patience, run).await {
                        let DatabaseError::Step(_) = &error else { return Err(error) };
                        failure
                            .message
                            .push_str("; what it left behind could not be removed yet, the next run does that");
                        return Err(DatabaseError::Step(Box::new(failure)));
                    }
                    if retry(&error.code) != Retry::Soon || this.known == Known::Opaque {
                        let error = Attempt::Over(DatabaseError::Step(Box::new(failure)));
                        return Err(self.refused(script, one, error).await?);
                    }
                    self.wait(failure, this.place.left, &mut patience, run).await?;
                }
            }
            phase = Phase::AfterError;
        }
    }

    /// The end of a statement that was cancelled because the run had to end.
    fn cut_short(&self, cause: Cause, this: &Alone<'_>) -> DatabaseError {
        if this.known != Known::Opaque {
            return self.ended(cause, &this.place);
        }
        // It was announced, and stays so: nobody can tell whether what it committed was all of it.
        let left = format!(
            "what it committed before stays, with what ran before it; {}",
            self.recorder.by_hand(&this.script.of, this.one)
        );
        self.ended(cause, &Place { left: &left, ..this.place.clone() })
    }

    /// Waits until the server process of an earlier attempt is gone: until then it may still be at it.
    async fn outlive(
        &mut self,
        entry: &RawJournal,
        this: &Alone<'_>,
        patience: &Patience,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let query = format!(
            "select exists (select from pg_catalog.pg_stat_activity where pid = {} and backend_start = {}
                and pid <> pg_catalog.pg_backend_pid())::text",
            entry.backend_pid,
            text(&entry.backend_start)
        );
        while self.link.json(&query).await.map_err(|error| self.own_error(&error))? {
            self.look_again(entry.backend_pid, "the session of an earlier attempt is still at it", this, patience, run)
                .await?;
        }
        Ok(())
    }

    async fn look_again(
        &self,
        pid: i32,
        why: &str,
        this: &Alone<'_>,
        patience: &Patience,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        if patience.left().is_zero() {
            let what = format!("gave up waiting within spec.execution.lockRetryDeadline: {why} (session {pid})");
            return Err(DatabaseError::Step(Box::new(this.place.failure(FailureClass::Deadline, &what))));
        }
        run.progress.update(|progress| {
            progress.stage = Stage::RetryingLock;
            progress.note = Some(why.to_owned());
            progress.blockers = vec![Blocker { pid, application: String::new(), age: Duration::ZERO }];
        });
        tokio::select! {
            () = sleep(LOOK) => Ok(()),
            () = run.stop.gently.cancelled() => Err(DatabaseError::Stopped(format!("{}; {}", this.place.label, this.place.left))),
            cause = run.end() => Err(self.ended(cause, &this.place)),
        }
    }

    /// Asks the catalog, removes what an earlier attempt left behind, and says what is left to do.
    async fn settle(
        &mut self,
        this: &Alone<'_>,
        phase: Phase,
        patience: &mut Patience,
        run: Run<'_>,
    ) -> Result<Left, DatabaseError> {
        loop {
            match self.verdict(&this.known, this.before.as_deref(), phase).await? {
                Verdict::Done => return Ok(Left::Nothing),
                Verdict::Run => return Ok(Left::Run(this.one.text.clone())),
                Verdict::RunInstead(sql) => return Ok(Left::Run(sql)),
                Verdict::Wait(pid) => {
                    self.look_again(pid, "another session builds the same index", this, patience, run).await?;
                }
                Verdict::Drop(indexes) => {
                    for index in indexes {
                        self.drop_remains(&index, this, patience, run).await?;
                    }
                }
                Verdict::Ask(why) => {
                    let what = format!(
                        "its outcome is not known: {why}; {}",
                        self.recorder.by_hand(&this.script.of, this.one)
                    );
                    return Err(DatabaseError::Step(Box::new(this.place.failure(FailureClass::NeedsOperator, &what))));
                }
            }
        }
    }

    /// Drops an INVALID index that an earlier attempt left behind.
    async fn drop_remains(
        &mut self,
        index: &str,
        this: &Alone<'_>,
        patience: &mut Patience,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        run.progress.update(|progress| progress.note = Some(format!("dropping the INVALID index {index}")));
        let timeout = format!("set lock_timeout = {}", millis(patience.left()));
        self.link.run(&timeout).await.map_err(|error| self.own_error(&error))?;
        let sql = format!("drop index concurrently if exists {index}");
        match supervised(&mut self.link, &mut self.side, run, &sql, Some(EARLY)).await {
            Ended::Done(_) => Ok(()),
            Ended::Cancelled(cause) => Err(self.ended(cause, &this.place)),
            Ended::Failed(SqlError::Lost(why)) => Err(lost(&self.link.address, &why)),
            Ended::Failed(SqlError::Server(error)) => {
                let mut failure = self.judged(&this.place, &error);
                failure.message.push_str(&format!("; this was while dropping the INVALID index {index}"));
                if retry(&error.code) == Retry::Soon {
                    return self.wait(failure, this.place.left, patience, run).await;
                }
                Err(DatabaseError::Step(Box::new(failure)))
            }
        }
    }

    /// Writes into the journal that the statement is about to be sent, and sets how long it may wait for locks.
    async fn announce(&mut self, this: &Alone<'_>, patience: &Patience, run: Run<'_>) -> Result<(), DatabaseError> {
        let object = match &this.known {
            Known::CreateIndex { name: Some(name), table } => Some(format!("index {name} of {}", table.quoted())),
            Known::CreateIndex { name: None, table } => Some(format!("index of {}", table.quoted())),
            Known::DropIndex { name } => Some(format!("index {}", name.quoted())),
            Known::Detach { partition, .. } => Some(format!("table {}", partition.quoted())),
            Known::Create { name, .. } | Known::Drop { name, .. } => Some(name.clone()),
            Known::Reindex { .. } | Known::Repeatable { .. } | Known::Opaque => None,
        };
        let mut record = self.recorder.started(&this.script.of, this.one, object.as_deref(), this.before.as_deref());
        if !this.script.own_lock_timeout {
            let timeout = if this.known.waits_politely() {
                patience.left()
            } else if this.known == Known::Opaque {
                SINGLE_TRY.max(self.settings.lock_timeout)
            } else {
                patience.lock_timeout()
            };
            record.push_str(&format!("set lock_timeout = {};", millis(timeout)));
        }
        self.in_own_transaction(this.script.step, &record, &this.place, run).await
    }

    async fn executed(
        &mut self,
        this: &Alone<'_>,
        rows: Option<u64>,
        along: &mut Along,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let noted = self.untold_alone(this.script.step, this.one);
        let record = self.recorder.executed(&this.script.of, this.one, rows) + &noted.record;
        let left = in_effect(this.one.number);
        self.in_own_transaction(this.script.step, &record, &this.script.place(this.one, &left), run).await?;
        along.told.extend(noted.told);
        Ok(())
    }
}

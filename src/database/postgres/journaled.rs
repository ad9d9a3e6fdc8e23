//! Scripts that cannot run in one transaction: statement by statement, each with its row in the journal.
//!
//! A statement that can run in a transaction commits together with its row and takes effect exactly once. One that
//! cannot is announced first; when its outcome was not seen the catalog is asked, and where that cannot tell, a person.

use std::time::Instant;

use crate::database::{DatabaseError, FailureClass, StepReport};
use crate::migration::{Checksum, Statement, StatementClass};
use crate::plan::{Action, Direction, JournalState, Step};

use super::failure::{Place, SqlError};
use super::journal::{Attempted, direction};
use super::ledger::{RawJournal, journal_entry};
use super::patience::Patience;
use super::quote::millis;
use super::recognise::sets_session;
use super::record::key;
use super::session::PostgresSession;
use super::settings::ourselves;
use super::supervise::{Ended, Run, show_free, show_step, statement, supervised};
use super::unit::{Attempt, Row};

/// A script on its way.
pub(super) struct Journaled<'a> {
    pub step: &'a Step,
    pub of: Attempted,
    journal: Vec<RawJournal>,
    /// The script sets `lock_timeout` itself; then nobody else does.
    pub own_lock_timeout: bool,
}

impl<'a> Journaled<'a> {
    /// What the journal has about a statement.
    fn entry(&self, one: &Statement) -> Option<&RawJournal> {
        self.journal.iter().find(|entry| entry.statement == one.number)
    }

    fn is(&self, one: &Statement, state: JournalState) -> bool {
        self.entry(one).and_then(|entry| journal_entry(entry).ok()).is_some_and(|entry| entry.state == state)
    }

    /// The entry of a statement that was sent and whose outcome nobody recorded.
    pub fn in_doubt(&self, one: &Statement) -> Option<&RawJournal> {
        self.entry(one).filter(|_| self.is(one, JournalState::Started))
    }

    /// Where the script stands at a statement.
    pub fn place(&self, one: &'a Statement, left: &'a str) -> Place<'a> {
        let file = self.step.script().map_or("", |script| script.file.as_str());
        Place { label: self.step.label(), file, statement: Some(one), left }
    }
}

/// What stays in effect when a statement fails.
pub(super) fn left_behind(one: &Statement) -> String {
    match one.number {
        0 | 1 => "nothing of it is in effect".to_owned(),
        2 => "statement 1 is in effect and stays; the next run goes on here".to_owned(),
        number => format!("statements 1 to {} are in effect and stay; the next run goes on here", number - 1),
    }
}

impl PostgresSession {
    /// Runs a script without a transaction, from where its journal ends.
    pub(super) async fn journaled(
        &mut self,
        step: &Step,
        last: bool,
        run: Run<'_>,
    ) -> Result<Vec<StepReport>, DatabaseError> {
        let started = Instant::now();
        show_step(run, &step.label(), false);
        let before = run.progress.current();
        let script = self.begin_attempt(step, run).await?;
        let result = self.statements_one_by_one(&script, run).await;
        if let Err(DatabaseError::Step(failure)) = &result {
            let noted = self.recorder.failed(step, failure, true);
            self.own(&noted, true).await?;
        }
        result?;
        let elapsed = started.elapsed();
        let record = self.recorder.done(step, elapsed);
        self.in_own_transaction(step, &self.clean(), &record, last, run).await?;
        run.progress.update(|progress| progress.steps_done = before.steps_done + 1);
        show_free(run);
        Ok(vec![StepReport {
            label: step.label(),
            elapsed,
            retries: run.progress.current().lock_retries - before.lock_retries,
            undo: Vec::new(),
        }])
    }

    /// Marks the step as running and finds out where to go on.
    async fn begin_attempt<'a>(&mut self, step: &'a Step, run: Run<'_>) -> Result<Journaled<'a>, DatabaseError> {
        let prelude = self.clean();
        let opened = self.begin(std::slice::from_ref(step), &prelude, "").await.map_err(Attempt::into_error)?;
        let key = key(step);
        let direction = direction(step);
        let row = opened.rows.get(&key);
        let journal = row.map(|row| unfinished(row, step, direction)).unwrap_or_default();
        let number = match row {
            Some(row) if journal.is_empty() => row.attempt + 1,
            Some(row) => row.attempt,
            None => 1,
        };
        let record = self.recorder.running(step, number);
        let place = Place { label: step.label(), file: "", statement: None, left: "nothing of it is in effect" };
        self.commit(&opened.transaction, &record, false, &place, run).await.map_err(Attempt::into_error)?;
        let own_lock_timeout = step.script().is_some_and(|script| script.sql.to_lowercase().contains("lock_timeout"));
        Ok(Journaled {
            step,
            of: Attempted { key, number, direction, backend: self.backend.clone() },
            journal,
            own_lock_timeout,
        })
    }

    async fn statements_one_by_one(&mut self, script: &Journaled<'_>, run: Run<'_>) -> Result<(), DatabaseError> {
        let mut rest = script.step.script().map_or(&[][..], |script| script.statements.as_slice());
        while let Some(one) = rest.first() {
            let unit = match one.class {
                StatementClass::Begin => {
                    let ends = |s: &Statement| matches!(s.class, StatementClass::Commit | StatementClass::Rollback);
                    rest.iter().position(ends).map_or(rest.len(), |end| end + 1)
                }
                StatementClass::Transactional
                | StatementClass::NonTransactional
                | StatementClass::MayCommit
                | StatementClass::Commit
                | StatementClass::Rollback => 1,
            };
            let (unit, after) = rest.split_at(unit);
            rest = after;
            if script.is(one, JournalState::Done) {
                self.say_again(script, unit, run).await?;
            } else {
                self.stop_between(script, one, run)?;
                match one.class {
                    StatementClass::Begin => self.block(script, unit, run).await?,
                    StatementClass::Transactional => self.together(script, one, run).await?,
                    StatementClass::NonTransactional | StatementClass::MayCommit => {
                        self.alone(script, one, run).await?
                    }
                    // Without a BEGIN before them they do nothing, and reading the script refuses them.
                    StatementClass::Commit | StatementClass::Rollback => {}
                }
            }
            run.progress.update(|progress| progress.statements_done += unit.len());
            show_free(run);
        }
        Ok(())
    }

    /// Between two statements is a safe place to stop.
    fn stop_between(&self, script: &Journaled<'_>, one: &Statement, run: Run<'_>) -> Result<(), DatabaseError> {
        let left = left_behind(one);
        if let Some(cause) = run.ended() {
            return Err(self.ended(cause, &script.place(one, &left)));
        }
        if one.number > 1 && run.stop.gently.is_cancelled() {
            return Err(DatabaseError::Stopped(format!(
                "before statement {} of {}; {left}",
                one.number,
                script.step.label()
            )));
        }
        Ok(())
    }

    /// What earlier sessions were told about themselves this one has to be told, too.
    async fn say_again(
        &mut self,
        script: &Journaled<'_>,
        done: &[Statement],
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        for one in done.iter().filter(|one| sets_session(&one.text)) {
            let left = left_behind(one);
            match supervised(&mut self.link, &mut self.side, run, &one.text, None).await {
                Ended::Done(_) => {}
                Ended::Cancelled(cause) => return Err(self.ended(cause, &script.place(one, &left))),
                Ended::Failed(SqlError::Lost(why)) => return Err(super::failure::lost(&self.link.address, &why)),
                Ended::Failed(SqlError::Server(error)) => {
                    return Err(DatabaseError::Step(Box::new(script.place(one, &left).server(&error))));
                }
            }
        }
        Ok(())
    }

    /// A statement that commits together with its row in the journal.
    async fn together(&mut self, script: &Journaled<'_>, one: &Statement, run: Run<'_>) -> Result<(), DatabaseError> {
        let mut patience = Patience::new(self.settings.lock_timeout, self.settings.lock_retry_deadline);
        loop {
            match self.try_together(script, one, &patience, run).await {
                Ok(()) => return Ok(()),
                Err(Attempt::Again(failure)) => self.wait(*failure, &mut patience, run).await?,
                Err(error) => return Err(self.refused(script, one, error).await?),
            }
        }
    }

    async fn try_together(
        &mut self,
        script: &Journaled<'_>,
        one: &Statement,
        patience: &Patience,
        run: Run<'_>,
    ) -> Result<(), Attempt> {
        let left = left_behind(one);
        let place = script.place(one, &left);
        let timeout = self.lock_timeout(script, "set local", patience);
        let opened = self.begin(std::slice::from_ref(script.step), "", &timeout).await?;
        let first_look = patience.first_look();
        let ended = statement(&mut self.link, &mut self.side, run, &one.text, first_look).await;
        let rows = self.conclude(ended, &place).await?;
        let record = self.recorder.executed(&script.of, one, Some(rows));
        self.commit(&opened.transaction, &record, false, &place, run).await
    }

    /// A block between the user's own BEGIN and COMMIT.
    async fn block(&mut self, script: &Journaled<'_>, unit: &[Statement], run: Run<'_>) -> Result<(), DatabaseError> {
        let mut patience = Patience::new(self.settings.lock_timeout, self.settings.lock_retry_deadline);
        loop {
            let mut at = unit.first();
            match self.try_block(script, unit, &mut at, &patience, run).await {
                Ok(()) => return Ok(()),
                Err(Attempt::Again(failure)) => self.wait(*failure, &mut patience, run).await?,
                Err(error) => {
                    let Some(one) = at else { return Err(error.into_error()) };
                    return Err(self.refused(script, one, error).await?);
                }
            }
        }
    }

    async fn try_block<'a>(
        &mut self,
        script: &Journaled<'_>,
        unit: &'a [Statement],
        at: &mut Option<&'a Statement>,
        patience: &Patience,
        run: Run<'_>,
    ) -> Result<(), Attempt> {
        let Some((last, inner)) = unit.split_last() else { return Ok(()) };
        let left = unit.first().map(left_behind).unwrap_or_default();
        // The lock and the ledger are looked at before: in the block itself a query of ours could come before the user's
        // SET TRANSACTION.
        let timeout = self.lock_timeout(script, "set", patience);
        self.in_own_transaction(script.step, "", &timeout, false, run).await?;
        for one in inner {
            *at = Some(one);
            let place = script.place(one, &left);
            let ended = statement(&mut self.link, &mut self.side, run, &one.text, patience.first_look()).await;
            self.conclude(ended, &place).await?;
        }
        *at = Some(last);
        let place = script.place(last, &left);
        let record: String = unit.iter().map(|one| self.recorder.executed(&script.of, one, None)).collect();
        if last.class == StatementClass::Rollback {
            let ended = supervised(&mut self.link, &mut self.side, run, &last.text, None).await;
            self.conclude(ended, &place).await?;
            return self.in_own_transaction(script.step, "", &record, false, run).await.map_err(Attempt::Over);
        }
        let text = format!("{} {} {record} commit", ourselves(self.other_role.as_deref()), self.durability(false));
        let ended = supervised(&mut self.link, &mut self.side, run, &text, None).await;
        self.conclude(ended, &place).await.map(|_| ())
    }

    /// Some records in a transaction of their own, under the lock.
    pub(super) async fn in_own_transaction(
        &mut self,
        step: &Step,
        prelude: &str,
        record: &str,
        last: bool,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let opened = self.begin(std::slice::from_ref(step), prelude, "").await.map_err(Attempt::into_error)?;
        let file = step.script().map_or("", |script| script.file.as_str());
        let place = Place { label: step.label(), file, statement: None, left: "its statements are in effect and stay" };
        self.commit(&opened.transaction, record, last, &place, run).await.map_err(Attempt::into_error)
    }

    /// How long the next try may wait for table locks, unless the script says so itself.
    fn lock_timeout(&self, script: &Journaled<'_>, set: &str, patience: &Patience) -> String {
        if script.own_lock_timeout {
            return String::new();
        }
        format!("{set} lock_timeout = {};", millis(patience.lock_timeout()))
    }

    /// Writes into the journal that a statement was refused, and hands the error on.
    pub(super) async fn refused(
        &mut self,
        script: &Journaled<'_>,
        one: &Statement,
        error: Attempt,
    ) -> Result<DatabaseError, DatabaseError> {
        let error = error.into_error();
        if let DatabaseError::Step(failure) = &error
            && failure.class != FailureClass::NeedsOperator
        {
            let record = self.recorder.refused(&script.of, one, failure.sqlstate.as_deref(), failure.detail.as_deref());
            self.own(&record, false).await?;
        }
        Ok(error)
    }
}

/// The journal of an attempt that did not end and that this step goes on with.
fn unfinished(row: &Row, step: &Step, direction: Direction) -> Vec<RawJournal> {
    let journal = row.journal.clone().unwrap_or_default();
    if row.reverting != (direction == Direction::Down) {
        return Vec::new();
    }
    // The plan has made sure that a version's executed statements are unchanged. A repeatable begins anew instead.
    if matches!(step.action, Action::Repeat { .. }) {
        let statements = step.script().map_or(&[][..], |script| script.statements.as_slice());
        let same = |entry: &RawJournal| {
            let text = statements.iter().find(|one| one.number == entry.statement).map(|one| Checksum::of(&one.text));
            entry.state == "failed" || text.is_some_and(|text| text.as_str() == entry.checksum)
        };
        if !journal.iter().all(same) {
            return Vec::new();
        }
    }
    journal
}

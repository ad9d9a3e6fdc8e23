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
use super::supervise::{Ended, Run, show_free, show_step, supervised};
use super::undo::{Before, Noted, Refill, supersede};
use super::unit::{Attempt, NOTHING, Row};

/// A script on its way.
pub(super) struct Journaled<'a> {
    pub step: &'a Step,
    pub of: Attempted,
    journal: Vec<RawJournal>,
    /// What a way down finds to refill.
    pub refill: Refill,
    /// The script sets `lock_timeout` itself; then nobody else does.
    pub own_lock_timeout: bool,
}

/// What goes along from statement to statement.
#[derive(Default)]
pub(super) struct Along {
    pub before: Before,
    /// For people.
    pub told: Vec<String>,
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
    in_effect(one.number.saturating_sub(1))
}

/// Likewise, when so many statements have taken effect.
pub(super) fn in_effect(statements: u32) -> String {
    match statements {
        0 => NOTHING.to_owned(),
        1 => "statement 1 is in effect and stays; the next run goes on here".to_owned(),
        number => format!("statements 1 to {number} are in effect and stay; the next run goes on here"),
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
        let mut along = Along::default();
        let mut result = self.statements_one_by_one(&script, &mut along, run).await;
        if result.is_ok() {
            let record = self.recorder.done(step, started.elapsed());
            result = self.at_the_end(&script, &record, last, &mut along, run).await;
        }
        if let Err(DatabaseError::Step(failure)) = &result {
            let noted = self.recorder.failed(step, failure, true);
            self.own(&noted, true).await?;
        }
        result?;
        run.progress.update(|progress| progress.steps_done = before.steps_done + 1);
        show_free(run);
        Ok(vec![StepReport {
            label: step.label(),
            elapsed: started.elapsed(),
            retries: run.progress.current().lock_retries - before.lock_retries,
            undo: along.told,
        }])
    }

    /// Marks the step as running and finds out where to go on.
    async fn begin_attempt<'a>(&mut self, step: &'a Step, run: Run<'_>) -> Result<Journaled<'a>, DatabaseError> {
        let prelude = self.clean();
        // What earlier runs did of it is not known before.
        let place = Place { label: step.label(), file: "", statement: None, left: "" };
        let opened = self.begin(std::slice::from_ref(step), &prelude, "", &place).await.map_err(Attempt::into_error)?;
        let key = key(step);
        let direction = direction(step);
        let row = opened.rows.get(&key);
        let journal = row.map(|row| unfinished(row, step, direction)).unwrap_or_default();
        let number = match row {
            Some(row) if journal.is_empty() => row.attempt + 1,
            Some(row) => row.attempt,
            None => 1,
        };
        let mut record = self.recorder.running(step, number);
        if journal.is_empty() && matches!(step.action, Action::Apply { .. }) {
            record.push_str(&supersede(&self.sql.schema, &key, &self.recorder.run));
        }
        let done = journal.iter().filter(|entry| entry.state == "done").map(|entry| entry.statement).max();
        let left = in_effect(done.unwrap_or_default());
        let place = Place { left: &left, ..place };
        let refill = self.before_way_down(step, Some(number), &place).await.map_err(Attempt::into_error)?;
        self.commit(&opened.transaction, &record, false, &place, run).await.map_err(Attempt::into_error)?;
        let own_lock_timeout = step.script().is_some_and(|script| script.sql.to_lowercase().contains("lock_timeout"));
        Ok(Journaled {
            step,
            of: Attempted { key, number, direction, backend: self.backend.clone() },
            journal,
            refill,
            own_lock_timeout,
        })
    }

    async fn statements_one_by_one(
        &mut self,
        script: &Journaled<'_>,
        along: &mut Along,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
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
                    StatementClass::Begin => self.block(script, unit, along, run).await?,
                    StatementClass::Transactional => self.together(script, one, along, run).await?,
                    StatementClass::NonTransactional | StatementClass::MayCommit => {
                        self.alone(script, one, along, run).await?
                    }
                    // Without a BEGIN before them they do nothing, and reading the script refuses them.
                    StatementClass::Commit | StatementClass::Rollback => {}
                }
            }
            if self.settings.undo.is_some() {
                unit.iter().for_each(|one| drop(along.before.names.read(one)));
            }
            run.progress.update(|progress| progress.statements_done += unit.len());
            show_free(run);
        }
        Ok(())
    }

    /// Refills what has no rows yet and records the step as done, in one transaction.
    async fn at_the_end(
        &mut self,
        script: &Journaled<'_>,
        record: &str,
        last: bool,
        along: &mut Along,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let mut patience = Patience::of(&self.settings);
        loop {
            match self.try_at_the_end(script, record, last, &patience, run).await {
                Ok(told) => {
                    along.told.extend(told);
                    return Ok(());
                }
                Err(Attempt::Again(failure)) => self.wait(*failure, ALL, &mut patience, run).await?,
                Err(error) => return Err(error.into_error()),
            }
        }
    }

    async fn try_at_the_end(
        &mut self,
        script: &Journaled<'_>,
        record: &str,
        last: bool,
        patience: &Patience,
        run: Run<'_>,
    ) -> Result<Vec<String>, Attempt> {
        let timeout = format!("set local lock_timeout = {};", millis(patience.lock_timeout()));
        let place = after_all(script.step);
        let opened = self.begin(std::slice::from_ref(script.step), &self.clean(), &timeout, &place).await?;
        let mut noted = Noted::default();
        self.refill(script.step, &script.refill, &place, run, &mut noted).await?;
        self.commit(&opened.transaction, &format!("{record} {}", noted.record), last, &place, run).await?;
        Ok(noted.told)
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

    /// Some records in a transaction of their own, under the lock.
    pub(super) async fn in_own_transaction(
        &mut self,
        step: &Step,
        record: &str,
        place: &Place<'_>,
        run: Run<'_>,
    ) -> Result<(), DatabaseError> {
        let opened = self.begin(std::slice::from_ref(step), "", "", place).await.map_err(Attempt::into_error)?;
        self.commit(&opened.transaction, record, false, place, run).await.map_err(Attempt::into_error)
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

/// What of a script is in effect after its last statement.
const ALL: &str = "its statements are in effect and stay";

/// Where a script stands when it is not at a statement.
fn after_all(step: &Step) -> Place<'_> {
    let file = step.script().map_or("", |script| script.file.as_str());
    Place { label: step.label(), file, statement: None, left: ALL }
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

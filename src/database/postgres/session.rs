//! The one session of a run: its connection, and the beginning and end of the run in the ledger.

use async_trait::async_trait;
use serde_json::Value;

use crate::database::{
    DatabaseError, FailureClass, LockAttempt, ProgressSender, RunIdentity, RunStart, Session, SessionSettings,
    StepFailure, StepReport, StopSignal,
};
use crate::migration::TransactionMode;
use crate::plan::{Ledger, Outcome, Step};

use super::connect::{Connector, Link};
use super::failure::{self, SqlError, lost};
use super::inspect::{Ground, Met, meet};
use super::ledger::{self, Site, install_error};
use super::record::Recorder;
use super::settings::{BEGIN, BEGIN_LOOK, FLUSH, LOOKING, NO_FLUSH, clean};
use super::statements::{Backend, Sql};
use super::supervise::{Cause, Run, Side};

/// The one session of a run.
#[derive(Debug)]
pub(super) struct PostgresSession {
    pub link: Link,
    pub side: Side,
    pub sql: Sql,
    pub identity: RunIdentity,
    pub settings: SessionSettings,
    pub backend: Backend,
    pub recorder: Recorder,
    /// What the session is called on the server.
    pub application: String,
    /// Who the session works as.
    pub role: String,
    /// The same where it is not who logged in.
    pub other_role: Option<String>,
    /// The server's own choice for commits that must last.
    pub flush: String,
    /// Undo copies that were begun.
    pub copies: u32,
    /// Bytes of the undo copies of the run, those of the transaction at hand included.
    pub copied: u64,
    pub ground: Ground,
    /// Whether the server had a ledger before the lock was asked for, and nobody held it. Until the first try.
    pub expected: Option<bool>,
    /// What an answer brought along: the ledger, or what stands in its place.
    pub along: Option<Value>,
    pub locked: bool,
}

impl PostgresSession {
    /// A session over the connection of the look before, or over one of its own.
    pub async fn open(
        connector: &Connector,
        sql: &Sql,
        run: &RunIdentity,
        settings: &SessionSettings,
        kept: Option<Met>,
    ) -> Result<Self, DatabaseError> {
        // The tail of a UUIDv7 is its random part.
        let id = run.id.simple().to_string();
        let application = format!("sluice/{}", id.get(20..).unwrap_or(&id));
        let met = match kept {
            Some(met) => met,
            None => meet(connector, sql, &application).await?,
        };
        let Met { link, facts, unsuitable, .. } = met;
        if let Some(why) = unsuitable {
            link.close().await;
            return Err(DatabaseError::Unsuitable(why));
        }
        let backend = Backend { pid: facts.pid, start: facts.backend_start };
        // A server that is told not to flush by default is asked to for once: what is reported as applied must last.
        let flush = if facts.synchronous_commit == "off" { "on".to_owned() } else { facts.synchronous_commit };
        Ok(Self {
            side: Side::new(connector, &format!("{application}+"), backend.clone()),
            link,
            sql: sql.clone(),
            identity: run.clone(),
            settings: settings.clone(),
            backend,
            recorder: Recorder::new(sql, run, &facts.session_user),
            other_role: (facts.current_user != facts.session_user).then(|| facts.current_user.clone()),
            role: facts.current_user,
            flush,
            copies: 0,
            copied: 0,
            ground: Ground { schema_exists: facts.schema_exists, installed: facts.installed, ..Ground::default() },
            expected: facts.holder.is_none().then_some(facts.installed),
            along: None,
            application,
            locked: false,
        })
    }

    /// An error of Sluice's own statements.
    pub fn own_error(&self, error: &SqlError) -> DatabaseError {
        self.link.ledger_error(&self.role, error)
    }

    /// Sets for the transaction whether its commit waits for the disk.
    pub fn durability(&self, last: bool) -> String {
        if last { format!("set local synchronous_commit = {};", self.flush) } else { NO_FLUSH.to_owned() }
    }

    /// Takes back whatever user SQL changed about the session.
    pub fn clean(&self) -> String {
        clean(&self.settings, &self.application)
    }

    /// A transaction of some statements of Sluice's own, in a clean session.
    fn transaction(&self, statements: &str, durable: bool) -> String {
        // Somebody who reads the ledger with a lock is waited for: nobody queues up behind that.
        format!(
            "{BEGIN} {} {} set local lock_timeout = '8s'; {statements} commit;",
            self.clean(),
            self.durability(durable)
        )
    }

    /// Carries it out.
    pub async fn own(&mut self, statements: &str, durable: bool) -> Result<(), DatabaseError> {
        let text = self.transaction(statements, durable);
        self.carry_out(&text).await.map_err(|error| self.own_error(&error))
    }

    /// Runs a message that begins a transaction, which is rolled back where it fails.
    pub async fn carry_out(&mut self, text: &str) -> Result<(), SqlError> {
        let result = self.link.run(text).await;
        if matches!(result, Err(SqlError::Server(_))) {
            self.link.run("rollback").await?;
        }
        result
    }

    /// Ends the transaction of a statement that failed.
    pub async fn roll_back(&mut self, after: &SqlError) -> Result<(), DatabaseError> {
        match after {
            SqlError::Lost(why) => Err(lost(&self.link.address, why)),
            SqlError::Server(_) => self.link.run("rollback").await.map_err(|error| self.own_error(&error)),
        }
    }

    /// The end of a run that was asked to end, as an error of the step at hand.
    pub fn ended(&self, cause: Cause, place: &failure::Place<'_>) -> DatabaseError {
        match cause {
            Cause::Asked => DatabaseError::Stopped(format!("{} was cut short; {}", place.label, place.left)),
            Cause::Deadline => DatabaseError::Step(Box::new(place.failure(
                FailureClass::Deadline,
                "cancelled because the run's deadline passed; raise spec.execution.deadline",
            ))),
        }
    }

    /// One step, whichever way it runs. Its failure is in the ledger when it comes back, and all commits before are
    /// flushed then.
    async fn step(&mut self, step: &Step, last: bool, run: Run<'_>) -> Result<Vec<StepReport>, DatabaseError> {
        let transactional = step.script().is_none_or(|script| script.mode == TransactionMode::Transactional);
        if transactional {
            match self.transactional(std::slice::from_ref(step), last, run).await {
                Ok(Some(reports)) => return Ok(reports),
                Ok(None) => {}
                Err(DatabaseError::Step(failure)) => {
                    self.own(&self.recorder.failed(step, &failure, false), true).await?;
                    return Err(DatabaseError::Step(failure));
                }
                Err(error) => return Err(error),
            }
        }
        self.journaled(step, last, run).await
    }

    /// All steps in one transaction.
    async fn whole(&mut self, steps: &[Step], run: Run<'_>) -> Result<Vec<StepReport>, DatabaseError> {
        match self.transactional(steps, true, run).await {
            Ok(reports) => Ok(reports.unwrap_or_default()),
            Err(DatabaseError::Step(failure)) => {
                if let Some(step) = steps.iter().find(|step| step.label() == failure.label) {
                    self.own(&self.recorder.failed(step, &failure, false), true).await?;
                }
                Err(DatabaseError::Step(failure))
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Session for PostgresSession {
    async fn try_lock(&mut self) -> Result<LockAttempt, DatabaseError> {
        self.acquire().await
    }

    async fn ledger(&mut self) -> Result<Ledger, DatabaseError> {
        let told = self.along.take();
        if self.ground.installed {
            let reading = match told {
                Some(told) => ledger::understand(&self.link.address, told)?,
                None => ledger::read(&mut self.link, &self.sql, &self.role).await?,
            };
            self.ground.version = Some(reading.version);
            return Ok(reading.ledger);
        }
        let ledger = match told {
            Some(told) => ledger::understand_existing(&self.link.address, told)?,
            None => ledger::read_existing(&mut self.link, &self.sql, &self.role).await?,
        };
        self.ground.built = Some(ledger.existing.total == 0);
        Ok(ledger)
    }

    async fn begin_run(&mut self, start: &RunStart) -> Result<(), DatabaseError> {
        let role = self.role.clone();
        let site = Site {
            role: &role,
            schema_exists: self.ground.schema_exists,
            version: self.ground.version.unwrap_or(0),
            built: self.ground.built.unwrap_or(false),
        };
        let (installation, version) = ledger::installation(&self.link.address, &self.sql, site, ledger::SCRIPTS)?;
        let begun = self.sql.begin_run(&self.identity, start, &self.backend);
        let expire = super::undo::expire(&self.sql.schema);
        let text = self.transaction(&format!("{installation} {begun} {expire}"), false);
        self.along = None;
        if let Err(error) = self.carry_out(&text).await {
            return Err(if installation.is_empty() {
                self.own_error(&error)
            } else {
                install_error(&self.link.address, site, &error)
            });
        }
        self.ground = Ground { schema_exists: true, installed: true, version: Some(version), ..self.ground };
        Ok(())
    }

    async fn execute(
        &mut self,
        steps: &[Step],
        progress: &ProgressSender,
        stop: &StopSignal,
        done: &mut (dyn FnMut(StepReport) + Send),
    ) -> Result<(), DatabaseError> {
        let run = Run { progress, stop };
        let whole = self.settings.one_transaction
            && steps.iter().filter_map(Step::script).all(|script| script.mode == TransactionMode::Transactional);
        if whole && steps.len() > 1 {
            self.whole(steps, run).await?.into_iter().for_each(done);
            return Ok(());
        }
        // Reported when a later commit has made them durable.
        let mut pending = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            if stop.gently.is_cancelled() {
                self.own(FLUSH, true).await?;
                pending.into_iter().for_each(&mut *done);
                return Err(DatabaseError::Stopped(format!("before {}, of which this run did nothing", step.label())));
            }
            match self.step(step, index + 1 == steps.len(), run).await {
                Ok(reports) => pending.extend(reports),
                Err(error @ DatabaseError::Step(_)) => {
                    pending.into_iter().for_each(done);
                    return Err(error);
                }
                Err(error @ (DatabaseError::Stopped(_) | DatabaseError::LockLost(_) | DatabaseError::Ledger(_))) => {
                    self.own(FLUSH, true).await?;
                    pending.into_iter().for_each(done);
                    return Err(error);
                }
                Err(
                    error @ (DatabaseError::Unreachable(_) | DatabaseError::Login(_) | DatabaseError::Unsuitable(_)),
                ) => return Err(error),
            }
        }
        pending.into_iter().for_each(done);
        Ok(())
    }

    async fn finish_run(&mut self, outcome: Outcome, failure: Option<&StepFailure>) -> Result<(), DatabaseError> {
        // After a success the last step's commit was flushed; losing this row in a crash only makes the run look unended.
        let succeeded = outcome == Outcome::Succeeded;
        let finish = self.transaction(&self.sql.finish_run(&self.identity, outcome, failure), !succeeded);
        let unlock = self.sql.unlock();
        if succeeded {
            let text = format!("{finish} {BEGIN_LOOK} {LOOKING} {}; commit; {unlock}", self.sql.ledger());
            match self.link.but_last(&text).await {
                Ok(told) => {
                    self.along = Some(told);
                    self.locked = false;
                    return Ok(());
                }
                // Recorded or not, it is recorded again; what cannot be read along is read by itself, which tells why.
                Err(error @ SqlError::Server(_)) => self.roll_back(&error).await?,
                Err(error @ SqlError::Lost(_)) => return Err(self.own_error(&error)),
            }
        }
        self.carry_out(&format!("{finish} {unlock}")).await.map_err(|error| self.own_error(&error))?;
        self.locked = false;
        Ok(())
    }

    async fn close(mut self: Box<Self>) {
        // A goodbye is heard some time later; who waits for the lock should not have to guess when. Where the server cannot
        // be told, the end of the connection tells it.
        let _ = self.unlock().await;
        self.side.close().await;
        self.link.close().await;
    }
}

//! The lock of a run: taken and let go of by its session, and who has it instead. It is only ever tried for, never waited
//! for: what waits in the server stands in the way of the holder's own statements.

use serde::Deserialize;
use serde_json::Value;

use crate::database::{DatabaseError, Holder, LockAttempt};

use super::failure::SqlError;
use super::inspect::{Ground, takes_no_writes};
use super::ledger::{self, HolderRow};
use super::session::PostgresSession;
use super::settings::{BEGIN_LOOK, LOOKING};
use super::statements::Sql;

#[derive(Deserialize)]
struct TryLock {
    pid: i32,
    locked: bool,
}

impl PostgresSession {
    /// Tries to take the lock; where somebody else has it, says who.
    pub async fn acquire(&mut self) -> Result<LockAttempt, DatabaseError> {
        let (answer, ground) = match self.expected.take() {
            Some(installed) => self.lock_and_read(installed).await?,
            None => self.lock_only().await?,
        };
        if answer.pid != self.backend.pid {
            return Err(DatabaseError::Unsuitable(format!(
                "{} moved the session to another server process: point the Secret at the server itself, not at a transaction \
                 pooler",
                self.link.address
            )));
        }
        // Whoever has had the lock all along knows more already.
        if !std::mem::replace(&mut self.locked, answer.locked) {
            self.ground = ground;
        }
        // It may have changed since it was looked at, by a failover for instance.
        if let Some(why) = takes_no_writes(&self.link.address, &self.role, ground.in_recovery, ground.read_only) {
            return Err(DatabaseError::Unsuitable(why));
        }
        if answer.locked {
            return Ok(LockAttempt::Acquired);
        }
        // It may have been let go in between: then nobody is named, and the next try succeeds.
        let holder = self.holder().await?;
        Ok(LockAttempt::HeldBy(holder.unwrap_or_default()))
    }

    /// Tries to take the lock.
    async fn lock_only(&mut self) -> Result<(TryLock, Ground), DatabaseError> {
        let text = format!("{BEGIN_LOOK} {} {}; {}; commit", self.clean(), self.sql.try_lock(), self.sql.ground());
        match self.link.two(&text).await {
            Ok(answers) => Ok(answers),
            Err(error) => {
                self.roll_back(&error).await?;
                Err(self.own_error(&error))
            }
        }
    }

    /// Tries to take the lock and, in the same round trip, reads what is expected to be there.
    async fn lock_and_read(&mut self, installed: bool) -> Result<(TryLock, Ground), DatabaseError> {
        let text = format!(
            "{BEGIN_LOOK} {} {}; {}; {LOOKING} {}; commit",
            self.clean(),
            self.sql.try_lock(),
            self.sql.ground(),
            if installed { self.sql.ledger() } else { self.sql.existing() }
        );
        let (answer, ground, told): (TryLock, Ground, Value) = match self.link.three(&text).await {
            Ok(answers) => answers,
            // The ledger cannot be read, or is not there any more: asked by itself, it tells.
            Err(error @ SqlError::Server(_)) => {
                self.roll_back(&error).await?;
                return self.lock_only().await;
            }
            Err(error @ SqlError::Lost(_)) => return Err(self.own_error(&error)),
        };
        self.along = (answer.locked && ground.installed == installed).then_some(told);
        Ok((answer, ground))
    }

    /// Lets go of the lock.
    pub async fn unlock(&mut self) -> Result<(), DatabaseError> {
        if !std::mem::take(&mut self.locked) {
            return Ok(());
        }
        let unlock = self.sql.unlock();
        self.link.run(&unlock).await.map_err(|error| self.own_error(&error))
    }

    /// Who holds the lock instead of this session.
    pub async fn holder(&mut self) -> Result<Option<Holder>, DatabaseError> {
        #[derive(Deserialize)]
        struct Facts {
            installed: bool,
            holder: Option<HolderRow>,
        }
        let facts: Facts = self.link.look(&self.sql.facts()).await.map_err(|error| self.own_error(&error))?;
        let Some(holder) = facts.holder else { return Ok(None) };
        let row = if facts.installed { ledger::read(&mut self.link, &self.sql, &self.role).await?.lock } else { None };
        // A session of this very run, lost from sight and idle: nothing will ever come of it, and the server may take long
        // to find that out.
        if let Some(backend) = holder.abandoned(row.as_ref(), self.identity.id)
            && backend != self.backend
        {
            self.link.run(&Sql::end_session(&backend)).await.map_err(|error| self.own_error(&error))?;
        }
        Ok(Some(holder.named(row.as_ref())))
    }
}

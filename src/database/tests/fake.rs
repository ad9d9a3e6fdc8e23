//! A database that answers what a test tells it to, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::database::testing::{Double, Opens, address};
use crate::database::{
    Address, DatabaseError, LockAttempt, ProgressSender, RunStart, Session, StepFailure, StepReport, StopSignal,
};
use crate::plan::{Ledger, Outcome, Step};

/// What one call of `execute` does: so many steps done, then this.
pub type Execution = (usize, Result<(), DatabaseError>);

#[derive(Debug, Default)]
pub struct Script {
    /// Answers to `open`; afterwards it succeeds.
    pub opens: VecDeque<Result<(), DatabaseError>>,
    /// Answers to `try_lock`; afterwards the lock is had.
    pub locks: VecDeque<LockAttempt>,
    /// Answers to `ledger`; the last one stays.
    pub ledgers: VecDeque<Ledger>,
    /// Answers to `execute`; afterwards everything succeeds.
    pub executions: VecDeque<Execution>,
    /// What was asked, in order.
    pub asked: Vec<String>,
}

/// How sessions on it are opened, and what they do.
pub type Fake = Double<Arc<Mutex<Script>>>;

impl Fake {
    /// The database `orders`, which answers that.
    pub fn new(script: Script) -> Self {
        Self { address: address("orders"), sessions: Arc::new(Mutex::new(script)) }
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> String {
        self.sessions.lock().unwrap().asked.join(" ")
    }
}

#[async_trait]
impl Opens for Arc<Mutex<Script>> {
    async fn open(&self, _: &Address) -> Result<Box<dyn Session>, DatabaseError> {
        let mut script = self.lock().unwrap();
        script.asked.push("open".to_owned());
        script.opens.pop_front().unwrap_or(Ok(()))?;
        Ok(Box::new(FakeSession(self.clone())))
    }
}

struct FakeSession(Arc<Mutex<Script>>);

#[async_trait]
impl Session for FakeSession {
    async fn try_lock(&mut self) -> Result<LockAttempt, DatabaseError> {
        let mut script = self.0.lock().unwrap();
        script.asked.push("lock".to_owned());
        Ok(script.locks.pop_front().unwrap_or(LockAttempt::Acquired))
    }

    async fn ledger(&mut self) -> Result<Ledger, DatabaseError> {
        let mut script = self.0.lock().unwrap();
        script.asked.push("ledger".to_owned());
        let last = script.ledgers.len() <= 1;
        let ledger = if last { script.ledgers.front().cloned() } else { script.ledgers.pop_front() };
        Ok(ledger.unwrap_or_default())
    }

    async fn begin_run(&mut self, _: &RunStart) -> Result<(), DatabaseError> {
        self.0.lock().unwrap().asked.push("begin".to_owned());
        Ok(())
    }

    async fn execute(
        &mut self,
        steps: &[Step],
        _: &ProgressSender,
        _: &StopSignal,
        done: &mut (dyn FnMut(StepReport) + Send),
    ) -> Result<(), DatabaseError> {
        let labels: Vec<String> = steps.iter().map(Step::label).collect();
        let (count, result) = {
            let mut script = self.0.lock().unwrap();
            script.asked.push(format!("execute({})", labels.join(",")));
            script.executions.pop_front().unwrap_or((steps.len(), Ok(())))
        };
        for label in labels.into_iter().take(count) {
            done(StepReport { label, elapsed: std::time::Duration::ZERO, retries: 0, undo: Vec::new() });
        }
        result
    }

    async fn finish_run(&mut self, outcome: Outcome, _: Option<&StepFailure>) -> Result<(), DatabaseError> {
        self.0.lock().unwrap().asked.push(format!("finish({outcome:?})"));
        Ok(())
    }

    async fn close(self: Box<Self>) {
        self.0.lock().unwrap().asked.push("close".to_owned());
    }
}

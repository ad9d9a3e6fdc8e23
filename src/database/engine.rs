//! The course of a run, the same for every dialect: open, lock, re-read the ledger under the lock, execute, record.
//!
//! This file decides nothing about SQL. It must never report anything as applied that the ledger does not have.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::{Instant, sleep};

use crate::plan::{Ledger, Outcome, Step, make};

use super::{
    Blocker, Database, DatabaseError, FailureClass, Holder, LockAttempt, ProgressSender, RunReport, RunRequest,
    RunStart, Session, Stage, StepFailure, StepReport, StopSignal,
};

/// The first pause between two tries for the migration lock; doubles …
const FIRST_POLL: Duration = Duration::from_millis(250);
/// … up to this.
const SLOWEST_POLL: Duration = Duration::from_secs(2);
/// How long a run tries to come back to a database that it lost. Afterwards it ends as interrupted; the next run finds out
/// what the database holds just as well.
const RECONNECT: Duration = Duration::from_secs(60);
/// So many losses are told one by one.
const LOSSES_TOLD: usize = 5;
/// Connections that one run may lose without having got any further in between.
const LOSSES: u32 = 5;

/// Carries out one run.
pub async fn run(
    database: &dyn Database,
    request: &RunRequest,
    progress: &ProgressSender,
    stop: &StopSignal,
) -> RunReport {
    let mut course = Course { database, request, progress, stop, done: Vec::new(), waited: Duration::ZERO };
    let result = course.run().await;
    let seen = progress.current();
    progress.update(|progress| {
        progress.stage = Stage::Finished;
        progress.blockers.clear();
        progress.note = None;
    });
    RunReport {
        done: course.done,
        result,
        statements: progress.measurements(),
        waited: course.waited,
        lock_retries: seen.lock_retries,
        blocked_by: seen.most_blockers,
    }
}

struct Course<'a> {
    database: &'a dyn Database,
    request: &'a RunRequest,
    progress: &'a ProgressSender,
    stop: &'a StopSignal,
    done: Vec<StepReport>,
    waited: Duration,
}

impl Course<'_> {
    async fn run(&mut self) -> Result<Ledger, DatabaseError> {
        let plan = &self.request.plan;
        self.progress.update(|progress| {
            progress.stage = Stage::Connecting;
            progress.steps_total = plan.steps.len();
            progress.statements_total = plan.statements();
        });
        let mut session = self.database.open(&self.request.identity, &self.request.settings).await?;
        let result = self.locked(&mut session).await;
        session.close().await;
        result
    }

    /// From the lock on. The session is replaced where its connection broke.
    async fn locked(&mut self, session: &mut Box<dyn Session>) -> Result<Ledger, DatabaseError> {
        self.lock(session, Stage::AwaitingLock).await?;
        let ledger = session.ledger().await?;
        let plan = match make(&self.request.set, &ledger, &self.request.target, &self.request.policy) {
            Ok(plan) if plan.digest == self.request.plan.digest => plan,
            // Somebody was faster, or went elsewhere: whoever decides has to look again.
            Ok(_) | Err(_) => return Ok(ledger),
        };
        if plan.is_empty() || self.too_late() {
            return Ok(ledger);
        }
        session.begin_run(&self.start()).await?;
        let deadline = Instant::now() + self.request.deadline;
        let stop = StopSignal { deadline: Some(deadline), ..self.stop.clone() };
        let result = match self.spare(&plan.steps).await {
            Ok(()) => self.execute(session, &plan.steps, &stop).await,
            Err(error) => Err(error),
        };
        self.finish(session, result).await
    }

    /// What let it begin may not hold any more after the wait for the lock: whoever decides looks again.
    fn too_late(&self) -> bool {
        self.request.hold.is_some_and(|hold| {
            hold.until.is_some_and(|until| jiff::Timestamp::now() >= until) || self.waited > hold.waited
        })
    }

    /// Under the lock nobody else changes the schema; rows that are written between this look and the script are few, and
    /// those before it are what a person would miss.
    async fn spare(&self, steps: &[Step]) -> Result<(), DatabaseError> {
        if !self.request.spare_rows {
            return Ok(());
        }
        let losses = self.database.losses(steps).await?;
        let Some(first) = losses.first() else { return Ok(()) };
        let told: Vec<String> = losses.iter().take(LOSSES_TOLD).map(ToString::to_string).collect();
        let more = losses.len().saturating_sub(LOSSES_TOLD);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Err(DatabaseError::Step(Box::new(StepFailure {
            label: first.label.clone(),
            file: first.file.clone(),
            statement: None,
            line: Some(first.line),
            column: None,
            sqlstate: None,
            class: FailureClass::Blocked,
            message: format!("the way back would destroy rows: {}{more}", told.join("; ")),
            detail: None,
        })))
    }

    fn start(&self) -> RunStart {
        let plan = &self.request.plan;
        RunStart {
            direction: plan.direction,
            from: plan.from.as_ref().map(ToString::to_string),
            to: plan.to.as_ref().map(ToString::to_string),
            plan_digest: plan.digest.clone(),
            set_digest: self.request.set.digest.clone(),
            rehearsed: self.request.rehearsed,
            gates: self.request.gates.clone(),
            purpose: self.request.purpose.clone(),
        }
    }

    /// Polls for the migration lock. Waiting in the server would hold a snapshot, which `CREATE INDEX CONCURRENTLY` of the
    /// holder would wait for in turn.
    async fn lock(&mut self, session: &mut Box<dyn Session>, stage: Stage) -> Result<(), DatabaseError> {
        let started = Instant::now();
        let mut poll = FIRST_POLL;
        loop {
            let holder = match session.try_lock().await? {
                LockAttempt::Acquired => break,
                LockAttempt::HeldBy(holder) => holder,
            };
            self.progress.update(|progress| {
                progress.stage = stage;
                progress.note = Some(format!("the migration lock is held by {}", describe(&holder)));
                progress.blockers = vec![Blocker {
                    pid: holder.pid,
                    application: holder.object.clone().unwrap_or_else(|| holder.application.clone()),
                    age: age(&holder),
                }];
            });
            let pause = poll.mul_f64(rand::rng().random_range(0.75..1.25));
            poll = (poll * 2).min(SLOWEST_POLL);
            tokio::select! {
                () = sleep(pause) => {}
                () = self.stop.gently.cancelled() => return Err(self.stopped_waiting(&holder)),
                () = self.stop.now.cancelled() => return Err(self.stopped_waiting(&holder)),
            }
        }
        self.waited += started.elapsed();
        self.progress.update(|progress| {
            progress.blockers.clear();
            progress.note = None;
        });
        Ok(())
    }

    fn stopped_waiting(&self, holder: &Holder) -> DatabaseError {
        DatabaseError::Stopped(format!("while the migration lock was held by {}; nothing was run", describe(holder)))
    }

    /// Carries out the steps, over as many connections as it takes.
    async fn execute(
        &mut self,
        session: &mut Box<dyn Session>,
        steps: &[Step],
        stop: &StopSignal,
    ) -> Result<(), DatabaseError> {
        let mut rest = steps.to_vec();
        let mut losses = 0;
        loop {
            let done = &mut self.done;
            let before = done.len();
            let result = session.execute(&rest, self.progress, stop, &mut |report| done.push(report)).await;
            let reported = self.done.len() - before;
            rest.drain(..reported.min(rest.len()));
            let Err(DatabaseError::Unreachable(mut why)) = result else { return result };
            losses = if reported > 0 { 0 } else { losses };
            loop {
                losses += 1;
                if losses > LOSSES {
                    return Err(DatabaseError::Unreachable(why));
                }
                match self.resolve(session, &mut rest, stop, &why).await {
                    Ok(0) => break,
                    Ok(_) => {
                        losses = 0;
                        break;
                    }
                    Err(DatabaseError::Unreachable(again)) => why = again,
                    Err(error) => return Err(error),
                }
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// The connection broke, perhaps after COMMIT was sent: nobody knows what the database holds. Taking the lock in a new
    /// session proves that the old one is gone, and then the ledger tells. Returns how many steps it had settled.
    async fn resolve(
        &mut self,
        session: &mut Box<dyn Session>,
        rest: &mut Vec<Step>,
        stop: &StopSignal,
        why: &str,
    ) -> Result<usize, DatabaseError> {
        self.progress.update(|progress| {
            progress.stage = Stage::Resolving;
            progress.blockers.clear();
            progress.note = Some(why.to_owned());
        });
        *session = self.reopen(stop).await?;
        self.lock(session, Stage::Resolving).await?;
        let ledger = session.ledger().await?;
        let plan = make(&self.request.set, &ledger, &self.request.target, &self.request.policy);
        let plan = plan.map_err(|_| DatabaseError::LockLost(None))?;
        let settled = rest.len().checked_sub(plan.steps.len()).ok_or(DatabaseError::LockLost(None))?;
        let same = |(a, b): (&Step, &Step)| {
            a.label() == b.label() && a.script().map(|s| &s.checksum) == b.script().map(|s| &s.checksum)
        };
        if !rest.iter().skip(settled).zip(&plan.steps).all(same) {
            // Somebody else got the lock in between and did something else.
            return Err(DatabaseError::LockLost(None));
        }
        for step in rest.iter().take(settled) {
            self.done.push(StepReport {
                label: step.label(),
                elapsed: elapsed(&ledger, step),
                retries: 0,
                undo: Vec::new(),
            });
        }
        *rest = plan.steps;
        let done = self.done.len();
        self.progress.update(|progress| progress.steps_done = done);
        // A server that crashed may have lost the row of the run, too.
        session.begin_run(&self.start()).await?;
        Ok(settled)
    }

    async fn reopen(&self, stop: &StopSignal) -> Result<Box<dyn Session>, DatabaseError> {
        let give_up = Instant::now() + RECONNECT;
        let mut pause = FIRST_POLL;
        loop {
            let error = match self.database.open(&self.request.identity, &self.request.settings).await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            let late = Instant::now() + pause >= give_up;
            if late || stop.now.is_cancelled() || stop.gently.is_cancelled() {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(SLOWEST_POLL);
        }
    }

    /// Records the success, over another connection where this one broke: history should not call it interrupted.
    async fn succeeded(&mut self, session: &mut Box<dyn Session>) -> Result<(), DatabaseError> {
        let mut losses = 0;
        loop {
            match session.finish_run(Outcome::Succeeded, None).await {
                Err(DatabaseError::Unreachable(_)) if losses < LOSSES => losses += 1,
                result => return result,
            }
            *session = self.reopen(self.stop).await?;
            self.lock(session, Stage::Resolving).await?;
        }
    }

    /// Records how it ended, and reads the ledger once more where it ended well.
    async fn finish(
        &mut self,
        session: &mut Box<dyn Session>,
        result: Result<(), DatabaseError>,
    ) -> Result<Ledger, DatabaseError> {
        match result {
            Ok(()) => {
                self.succeeded(session).await?;
                match session.ledger().await {
                    // Everything is done and recorded; only what it looks like now is missing.
                    Err(DatabaseError::Unreachable(_)) => Ok(self.database.inspect().await?.ledger),
                    ledger => ledger,
                }
            }
            Err(error) => {
                let (outcome, failure) = verdict(&error, self.stop.abort.is_cancelled());
                if !matches!(error, DatabaseError::Unreachable(_))
                    && let Err(second) = session.finish_run(outcome, Some(&failure)).await
                {
                    // The next run closes the row; what matters is the first error.
                    tracing::debug!(error = %second, "the end of the run could not be recorded");
                }
                Err(error)
            }
        }
    }
}

/// How an error is recorded. `aborted`: a person asked for the end, and it is not to begin again by itself.
fn verdict(error: &DatabaseError, aborted: bool) -> (Outcome, StepFailure) {
    let other = |class| StepFailure {
        label: String::new(),
        file: String::new(),
        statement: None,
        line: None,
        column: None,
        sqlstate: None,
        class,
        message: error.to_string(),
        detail: None,
    };
    match error {
        DatabaseError::Step(failure) => {
            let outcome = match failure.class {
                FailureClass::Terminal => Outcome::Failed,
                FailureClass::Retryable => Outcome::Interrupted,
                FailureClass::Deadline => Outcome::DeadlineExceeded,
                FailureClass::NeedsOperator => Outcome::NeedsOperator,
                FailureClass::Blocked => Outcome::Blocked,
            };
            (outcome, (**failure).clone())
        }
        DatabaseError::Stopped(_) if aborted => (Outcome::Aborted, other(FailureClass::Terminal)),
        DatabaseError::Unreachable(_)
        | DatabaseError::Login(_)
        | DatabaseError::Unsuitable(_)
        | DatabaseError::Ledger(_)
        | DatabaseError::LockLost(_)
        | DatabaseError::Stopped(_) => (Outcome::Interrupted, other(FailureClass::Retryable)),
    }
}

/// `shop/orders (sluice-0), session 4711`; a stranger's is `session 4711 (psql)`.
fn describe(holder: &Holder) -> String {
    match (&holder.object, &holder.instance) {
        (Some(object), Some(instance)) => format!("{object} ({instance}), session {}", holder.pid),
        (Some(object), None) => format!("{object}, session {}", holder.pid),
        (None, _) if holder.application.is_empty() => format!("session {}", holder.pid),
        (None, _) => format!("session {} ({})", holder.pid, holder.application),
    }
}

fn age(holder: &Holder) -> Duration {
    holder
        .since
        .and_then(|since| Duration::try_from(jiff::Timestamp::now().duration_since(since)).ok())
        .unwrap_or_default()
}

/// How long a step took that was found done.
fn elapsed(ledger: &Ledger, step: &Step) -> Duration {
    let entry = match (&step.version, &step.repeatable) {
        (Some(version), _) => ledger.entry(version),
        (None, Some(name)) => ledger.repeatable(name),
        (None, None) => None,
    };
    entry.and_then(|entry| entry.elapsed).unwrap_or_default()
}

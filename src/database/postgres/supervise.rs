//! Running one statement of a user under supervision: with a way to cancel it on the server, an eye on who is in the
//! way, and a sense for a server process that is gone.
//!
//! The statement's future is never dropped while the server works on it, unless the connection is given up with it.

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;
use sqlx::AssertSqlSafe;
use tokio::time::{Instant, sleep, sleep_until};

use crate::database::{Blocker, ProgressSender, Stage, StopSignal};

use super::connect::{Connector, Link};
use super::failure::SqlError;
use super::quote::text;
use super::sqlstate::QUERY_CANCELED;
use super::statements::Backend;

/// After this long a statement is looked at from a second connection.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// Looks at a long statement are never closer together …
const SOONEST_LOOK: Duration = Duration::from_secs(1);
/// … nor further apart.
const SLOWEST_LOOK: Duration = Duration::from_secs(5);
/// When nobody has answered the second connection for this long, the first is dead as well.
const SILENCE: Duration = Duration::from_secs(60);
/// A cancelled statement that does not end is ended with its session after this long …
const TERMINATE_AFTER: Duration = Duration::from_secs(10);
/// … and given up with its connection after this long.
const GIVE_UP_AFTER: Duration = Duration::from_secs(15);

/// Why a statement was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The run's deadline passed.
    Deadline,
    /// Somebody asked the run to stop now.
    Asked,
}

/// How a statement ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It took effect (as far as its transaction does); rows affected.
    Done(u64),
    /// It did not, or nobody knows.
    Failed(SqlError),
    /// It was cancelled on the server.
    Cancelled(Cause),
}

/// A session in the way, with what tells whether it still is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct InTheWay {
    pub pid: i32,
    pub application: Option<String>,
    age: Option<f64>,
    transaction: Option<String>,
}

impl InTheWay {
    /// What progress shows of it.
    pub fn blocker(&self) -> Blocker {
        Blocker {
            pid: self.pid,
            application: self.application.clone().unwrap_or_default(),
            age: Duration::try_from_secs_f64(self.age.unwrap_or(0.0)).unwrap_or_default(),
        }
    }

    /// `session 4711 (psql, 12 s)`
    pub fn describe(&self) -> String {
        if self.pid == 0 {
            return "a prepared transaction (see pg_prepared_xacts)".to_owned();
        }
        let blocker = self.blocker();
        let application = if blocker.application.is_empty() { "unnamed" } else { &blocker.application };
        format!("session {} ({application}, {} s)", self.pid, blocker.age.as_secs())
    }
}

/// The second connection of a session, opened when it is first needed.
#[derive(Debug)]
pub(super) struct Side {
    connector: Connector,
    application: String,
    /// The session that it looks after.
    backend: Backend,
    link: Option<Link>,
    /// Since when nobody answers at all.
    silent: Option<Instant>,
    /// Who was in the way at the last look that saw anybody.
    pub in_the_way: Vec<InTheWay>,
}

/// What a look sees of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Seen {
    /// At work, or nobody can tell.
    Busy,
    /// It answered, and waits for the next statement.
    Idle,
    /// Not there any more.
    Gone,
}

#[derive(Deserialize)]
struct Look {
    session: Seen,
    blockers: Vec<InTheWay>,
}

impl Side {
    pub fn new(connector: &Connector, application: &str, backend: Backend) -> Self {
        Self {
            connector: connector.clone(),
            application: application.to_owned(),
            backend,
            link: None,
            silent: None,
            in_the_way: Vec::new(),
        }
    }

    /// Who is in the way of the session, and what the session does. `None`: nobody could be asked.
    async fn look(&mut self) -> Option<Look> {
        let Backend { pid, start } = &self.backend;
        let sql = format!(
            "select json_build_object(
                'session', coalesce((select case when state like 'idle%' then 'idle' else 'busy' end
                    from pg_stat_activity where pid = {pid} and backend_start = {start}), 'gone'),
                'blockers', coalesce((select json_agg(json_build_object('pid', b.pid, 'application', a.application_name,
                    'age', extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.backend_start))::float8,
                    'transaction', a.xact_start))
                    from (select unnest(pg_blocking_pids({pid})) as pid
                        union select current_locker_pid::int from pg_stat_progress_create_index
                        where pid = {pid} and current_locker_pid <> 0) b
                    left join pg_stat_activity a on a.pid = b.pid), '[]'))::text",
            start = text(start)
        );
        let look: Look = self.ask(&sql).await?;
        if !look.blockers.is_empty() {
            self.in_the_way.clone_from(&look.blockers);
        }
        Some(look)
    }

    /// Whether anybody who was in the way at the last look still is in the same transaction.
    async fn still_in_the_way(&mut self) -> Option<bool> {
        let pids: Vec<String> = self.in_the_way.iter().map(|who| who.pid.to_string()).collect();
        let sql = format!(
            "select coalesce(json_agg(json_build_object('pid', pid, 'application', application_name,
                'age', extract(epoch from clock_timestamp() - coalesce(xact_start, backend_start))::float8,
                'transaction', xact_start)), '[]')::text from pg_stat_activity where pid in ({})",
            pids.join(", ")
        );
        let now: Vec<InTheWay> = self.ask(&sql).await?;
        let before = &self.in_the_way;
        let same = |then: &InTheWay| {
            then.pid == 0 || now.iter().any(|n| n.pid == then.pid && n.transaction == then.transaction)
        };
        Some(before.iter().any(same))
    }

    /// Asks the server to cancel (or end) what the session does.
    async fn interrupt(&mut self, function: &str) {
        let Backend { pid, start } = &self.backend;
        let sql = format!(
            "select coalesce(json_agg({function}(pid)), '[]')::text from pg_stat_activity
                where pid = {pid} and backend_start = {start}",
            start = text(start)
        );
        let _: Option<Vec<bool>> = self.ask(&sql).await;
    }

    async fn ask<T: serde::de::DeserializeOwned>(&mut self, sql: &str) -> Option<T> {
        if self.link.is_none() {
            self.open().await;
        }
        let answer = self.link.as_mut()?.look(sql).await;
        match &answer {
            Ok(_) | Err(SqlError::Server(_)) => self.silent = None,
            Err(SqlError::Lost(_)) => self.link = None,
        }
        answer.ok()
    }

    async fn open(&mut self) {
        match self.connector.try_connect(&self.application, "side").await {
            Ok(link) => self.link = Some(link),
            Err(refused) if refused.code.is_some() => self.silent = None,
            Err(_) => {
                self.silent.get_or_insert_with(Instant::now);
            }
        }
    }

    /// Whether the server has not been heard of for so long that it counts as gone.
    fn given_up(&self) -> bool {
        self.silent.is_some_and(|since| since.elapsed() >= SILENCE)
    }

    /// Pauses, but not longer than those in the way are.
    pub async fn pause(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        // The look at who is in the way must not spend the next try's short wait on connecting.
        if self.link.is_none() {
            self.open().await;
        }
        let mut rest = Duration::from_millis(250);
        while Instant::now() + rest < end {
            sleep(rest).await;
            if !self.in_the_way.is_empty() && self.still_in_the_way().await == Some(false) {
                return;
            }
            rest = (rest * 2).min(Duration::from_secs(1));
        }
        sleep_until(end).await;
    }

    /// Closes the second connection, where there is one.
    pub async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }
}

/// Who listens and who may interrupt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub progress: &'a ProgressSender,
    pub stop: &'a StopSignal,
}

impl Run<'_> {
    /// Whether the run must end now.
    pub fn ended(&self) -> Option<Cause> {
        if self.stop.now.is_cancelled() {
            return Some(Cause::Asked);
        }
        self.stop.deadline.is_some_and(|deadline| Instant::now() >= deadline).then_some(Cause::Deadline)
    }

    /// Waits until the run must end now.
    pub async fn end(&self) -> Cause {
        let deadline = async {
            match self.stop.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.now.cancelled() => Cause::Asked,
            () = deadline => Cause::Deadline,
        }
    }
}

/// Runs one statement of a script, and measures it. `first_look` is when the second connection has its first look at who
/// is in the way.
pub(super) async fn statement(
    link: &mut Link,
    side: &mut Side,
    run: Run<'_>,
    sql: &str,
    first_look: Option<Duration>,
) -> Ended {
    let started = Instant::now();
    let ended = supervised(link, side, run, sql, first_look).await;
    if let Ended::Done(_) = ended {
        run.progress.measured(started.elapsed());
    }
    ended
}

/// Runs one statement, a script's or one of Sluice's own that may take long.
pub(super) async fn supervised(
    link: &mut Link,
    side: &mut Side,
    run: Run<'_>,
    sql: &str,
    first_look: Option<Duration>,
) -> Ended {
    let cancelled = OnceLock::new();
    let work =
        async { sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut link.conn).await.map(|done| done.rows_affected()) };
    let mut work = pin!(work);
    let mut guard = pin!(guard(side, run, first_look.unwrap_or(FIRST_LOOK), &cancelled));
    let result = tokio::select! {
        biased;
        result = &mut work => result.map_err(SqlError::from),
        why = &mut guard => Err(SqlError::Lost(why)),
    };
    match (result, cancelled.get()) {
        (Ok(rows), _) => Ended::Done(rows),
        (Err(SqlError::Server(error)), Some(cause)) if error.code == QUERY_CANCELED => Ended::Cancelled(*cause),
        (Err(error), _) => Ended::Failed(error),
    }
}

/// Looks after a running statement. Ends only when nothing more is to be expected of it, and says why.
async fn guard(side: &mut Side, run: Run<'_>, first_look: Duration, cancelled: &OnceLock<Cause>) -> String {
    let mut rest = first_look;
    let (mut missed, mut last) = (0, Seen::Busy);
    let cause = loop {
        tokio::select! {
            cause = run.end() => break cause,
            () = sleep(rest) => {}
        }
        // A look may take its time; being asked to stop must not wait for it.
        let look = tokio::select! {
            cause = run.end() => break cause,
            look = side.look() => look,
        };
        if let Some(look) = look {
            missed = match look.session {
                Seen::Busy => 0,
                Seen::Idle | Seen::Gone => missed + 1,
            };
            last = look.session;
            run.progress.update(|progress| {
                progress.blockers = look.blockers.iter().map(InTheWay::blocker).collect();
                // It got its lock and takes its time. One look may be too early to tell.
                if progress.stage == Stage::RetryingLock && progress.blockers.is_empty() && rest >= SOONEST_LOOK {
                    progress.stage = Stage::Applying;
                }
            });
        }
        // The answer may be on its way; three looks later it is not.
        if missed >= 3 {
            return match last {
                Seen::Busy | Seen::Gone => "the server no longer knows the session",
                Seen::Idle => "the server has answered, and its answer never arrived",
            }
            .to_owned();
        }
        if side.given_up() {
            return format!("nobody has answered for {} s", SILENCE.as_secs());
        }
        // What looks dead is looked at again soon.
        rest = if missed > 0 { SOONEST_LOOK } else { (rest * 2).clamp(SOONEST_LOOK, SLOWEST_LOOK) };
    };
    let _ = cancelled.set(cause);
    let since = Instant::now();
    while since.elapsed() < GIVE_UP_AFTER {
        let function = if since.elapsed() < TERMINATE_AFTER { "pg_cancel_backend" } else { "pg_terminate_backend" };
        side.interrupt(function).await;
        sleep(Duration::from_secs(1)).await;
    }
    format!("the cancelled statement did not end within {} s", GIVE_UP_AFTER.as_secs())
}

/// Shows a step as begun. `again`: as begun once more; until it gets through, what is told is that it is refused a lock.
pub(super) fn show_step(run: Run<'_>, label: &str, again: bool) {
    run.progress.update(|progress| {
        if !again {
            progress.stage = Stage::Applying;
        }
        progress.step = Some(label.to_owned());
    });
}

/// Nobody is in the way any more.
pub(super) fn show_free(run: Run<'_>) {
    run.progress.update(|progress| {
        if progress.stage == Stage::RetryingLock {
            progress.stage = Stage::Applying;
        }
        progress.blockers.clear();
        progress.note = None;
    });
}

//! An application that writes all the time: what it notices of a migration, beside what it notices of the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Executor};

use super::team::{SOON, connect};
use super::{Team, eventually};

/// Inserts into a table every 10 ms, on a thread of its own so that nothing but the database delays it.
pub struct Writer {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    thread: Option<JoinHandle<Written>>,
}

/// What it was like.
pub struct Written {
    /// The longest that an insert took.
    pub longest: Duration,
    /// The longest from one insert's end to the next one's: a machine that stands still at any moment shows here.
    pub gap: Duration,
}

impl Writer {
    /// Into this table of the team's database.
    pub fn start(team: &Team, insert: &'static str) -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&count));
        let (server, database) = (team.server.clone(), team.database.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = connect(&server, &database).await;
                let mut written = Written { longest: Duration::ZERO, gap: Duration::ZERO };
                let mut last = Instant::now();
                while !stopped.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    connection.execute(AssertSqlSafe(insert)).await.unwrap();
                    written.longest = written.longest.max(began.elapsed());
                    written.gap = written.gap.max(last.elapsed());
                    last = Instant::now();
                    counted.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                written
            })
        });
        Self { stop, count, thread: Some(thread) }
    }

    /// Waits until it has written so many times more.
    pub async fn goes_on(&self, times: usize) {
        let before = self.count.load(Ordering::Relaxed);
        eventually("the application goes on", SOON, || async {
            let so_far = self.count.load(Ordering::Relaxed) - before;
            if so_far >= times { Ok(()) } else { Err(format!("{so_far} of {times}")) }
        })
        .await;
    }

    /// Ends it.
    pub fn stop(mut self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

//! A clock that goes as fast as the machine: each beat asks the API server and the database something and rests a little. Where
//! everything stands still for seconds or crawls, so does it, and what should happen "at once" keeps its meaning.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use sqlx::Executor;
use tokio::task::JoinHandle;

use super::Team;

/// How long a beat rests; on an idle machine it asks for a tenth of that.
const REST: Duration = Duration::from_millis(100);

/// Counts beats from its start to its end.
pub struct Pace {
    beats: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Pace {
    /// Begins to count.
    pub async fn start(team: &Team) -> Self {
        let beats = Arc::new(AtomicU32::new(0));
        let (count, namespace) = (Arc::clone(&beats), team.namespace.clone());
        let api: Api<Namespace> = Api::all(team.client.clone());
        let mut connection = team.connect().await;
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(REST).await;
                // While a test has stopped one of them, time stands still.
                let asked = api.get_metadata(&namespace).await.is_ok() && connection.execute("select 1").await.is_ok();
                count.fetch_add(u32::from(asked), Ordering::Relaxed);
            }
        });
        Self { beats, task }
    }

    /// How long it has been, at least, had the machine been idle.
    pub fn elapsed(&self) -> Duration {
        REST * self.beats.load(Ordering::Relaxed)
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.task.abort();
    }
}

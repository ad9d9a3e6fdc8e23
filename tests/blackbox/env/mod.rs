//! What the scenarios stand on: the servers, an operator, a team with a namespace and a database.

mod app;
mod effects;
mod election;
mod gate;
mod health;
mod kubectl;
mod operator;
mod pace;
mod people;
mod proxy;
mod sight;
mod team;
mod wire;
mod world;
mod writer;

pub use app::App;
pub use effects::{commits_a_step, counted, history};
pub use election::{ENDLESS, SHORT};
pub use gate::{GATE, Gate, LOCKED_OUT, locked_out};
pub use health::{SPOILS, automatic, health};
pub use operator::Operator;
pub use pace::Pace;
pub use people::Person;
pub use proxy::{Fault, Proxy};
pub use team::{SOON, Spec, Team, condition, connect, files};
pub use wire::Wire;
pub use world::{Cluster, Postgres, Servers, client_of, helm_install, world};
pub use writer::Writer;

use std::time::{Duration, Instant};

/// Waits until `check` gives a value, looking every 20 ms; fails with what was seen last.
pub async fn eventually<T, F, Fut>(what: &str, within: Duration, mut check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let began = Instant::now();
    loop {
        let last = match check().await {
            Ok(value) => return value,
            Err(last) => last,
        };
        assert!(began.elapsed() < within, "not within {within:?}: {what}; last seen: {last}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

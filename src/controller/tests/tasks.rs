//! The table of runs, as stories.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::bench::{Behaviour, Site, address, object, start, uid};
use crate::api::v1alpha1::DatabaseMigration;
use crate::controller::tasks::{Ended, Tasks};
use crate::database::DatabaseError;
use crate::rollout::Room;
use crate::telemetry::Metrics;

struct Bench {
    tasks: Arc<Tasks>,
    woken: mpsc::UnboundedReceiver<ObjectRef<DatabaseMigration>>,
    site: Arc<Site>,
    metrics: Metrics,
}

fn bench(limit: usize) -> Bench {
    let (wake, woken) = mpsc::unbounded_channel();
    let metrics = Metrics::new().unwrap();
    Bench { tasks: Tasks::new(limit, metrics.clone(), wake), woken, site: Arc::default(), metrics }
}

impl Bench {
    fn start(&self, number: usize, behaviour: Behaviour) -> bool {
        self.tasks.start(start(number, number, behaviour, &self.site))
    }

    /// Waits until an object is woken; an hour is for ever.
    async fn woken(&mut self, number: usize) {
        let woken = async { while self.woken.recv().await.unwrap() != object(number) {} };
        timeout(Duration::from_secs(3600), woken).await.unwrap();
    }

    /// Waits until an object's run has ended.
    async fn ended(&mut self, number: usize) -> Ended {
        loop {
            if let Some(ended) = self.tasks.take_ended(&uid(number)) {
                return ended;
            }
            let woken = timeout(Duration::from_secs(3600), self.woken.recv());
            assert!(woken.await.is_ok(), "the end of a run wakes its object");
        }
    }
}

const SHORT: Behaviour = Behaviour::Succeeds(Duration::from_millis(10));

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_wakes_its_object_and_is_told_of_once() {
    let mut bench = bench(4);
    assert!(bench.start(1, SHORT));
    assert!(bench.tasks.running(&uid(1)).is_some());
    let ended = bench.ended(1).await;
    assert!(ended.report.result.is_ok(), "{:?}", ended.report.result);
    assert_eq!(ended.report.done.len(), 1);
    assert!(bench.tasks.take_ended(&uid(1)).is_none());
    assert!(bench.tasks.running(&uid(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_ends_like_one_that_lost_its_database_and_the_others_go_on() {
    let mut bench = bench(4);
    assert!(bench.start(1, SHORT));
    assert!(bench.start(2, Behaviour::Panics));
    assert!(bench.start(3, SHORT));
    let panicked = bench.ended(2).await.report.result.unwrap_err();
    assert!(matches!(&panicked, DatabaseError::Unreachable(why) if why.contains("abnormally")), "{panicked:?}");
    assert!(bench.ended(1).await.report.result.is_ok());
    assert!(bench.ended(3).await.report.result.is_ok());
    assert!(bench.start(2, SHORT), "and it may try again");
    assert!(bench.ended(2).await.report.result.is_ok());
    assert_eq!(bench.tasks.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_object_one_database_and_so_many_in_all() {
    let bench = bench(2);
    assert!(bench.start(1, Behaviour::Hangs));
    assert!(!bench.start(1, SHORT), "its run is under way");
    assert!(!bench.tasks.start(start(2, 1, SHORT, &bench.site)), "another object's run uses that database");
    assert_eq!(bench.tasks.room(&address(1)), Room::Taken { by: "shop/o1".to_owned() });
    assert_eq!(bench.tasks.room(&address(2)), Room::Free);
    assert!(bench.start(2, Behaviour::Hangs));
    assert_eq!(bench.tasks.room(&address(3)), Room::Full { limit: 2 });
    assert!(!bench.start(3, SHORT));
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_are_woken_one_by_one_in_their_order() {
    let mut bench = bench(1);
    assert!(bench.start(1, SHORT));
    for number in [2, 3, 4] {
        bench.tasks.queue(object(number), &address(number));
    }
    for number in [2, 3, 4] {
        bench.woken(number).await;
        assert!(bench.woken.is_empty(), "nobody else was woken");
        assert!(bench.start(number, SHORT));
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_database_that_is_taken_lets_others_pass() {
    let mut bench = bench(2);
    assert!(bench.start(1, Behaviour::Hangs));
    assert!(bench.start(2, SHORT));
    bench.tasks.queue(object(3), &address(1));
    bench.tasks.queue(object(4), &address(4));
    bench.woken(4).await;
    assert!(bench.start(4, SHORT));
    bench.ended(4).await;
    assert!(bench.woken.is_empty(), "its database is still taken");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_is_told_to_end_and_leaves_nothing_in_the_table() {
    let mut bench = bench(1);
    assert!(bench.start(1, SHORT));
    bench.tasks.queue(object(2), &address(2));
    bench.tasks.queue(object(3), &address(3));
    bench.tasks.forget(&uid(1), &object(1));
    bench.tasks.forget(&uid(2), &object(2));
    assert!(bench.tasks.running(&uid(1)).unwrap().stop.gently.is_cancelled());
    // Whoever is gone is not called: the place would be kept for nobody.
    bench.woken(3).await;
    assert!(bench.tasks.take_ended(&uid(1)).is_none(), "nobody will ever ask how it ended");
}

#[tokio::test(start_paused = true)]
async fn closing_lets_what_runs_end_and_nothing_begin() {
    let bench = bench(4);
    assert!(bench.start(1, SHORT));
    let began = Instant::now();
    bench.tasks.close(Duration::from_secs(20), Duration::from_secs(5)).await;
    assert_eq!(bench.tasks.count(), 0);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(bench.tasks.room(&address(1)), Room::Closing);
    assert!(!bench.start(2, SHORT));
}

#[tokio::test(start_paused = true)]
async fn closing_ends_what_does_not_end_by_itself_when_patience_is_over() {
    let bench = bench(4);
    assert!(bench.start(1, Behaviour::EndsWhenTold));
    let began = Instant::now();
    bench.tasks.close(Duration::from_secs(20), Duration::from_secs(5)).await;
    assert_eq!(bench.tasks.count(), 0);
    assert!((20..21).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever_for_what_never_ends() {
    let bench = bench(4);
    assert!(bench.start(1, Behaviour::Hangs));
    let began = Instant::now();
    bench.tasks.close(Duration::from_secs(20), Duration::from_secs(5)).await;
    assert_eq!(bench.tasks.count(), 1);
    assert!((25..26).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn closing_with_nothing_under_way_takes_no_time() {
    let began = Instant::now();
    bench(4).tasks.close(Duration::from_secs(20), Duration::from_secs(5)).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_run_of_an_object_that_is_gone_is_counted_and_told_to_nobody() {
    let mut bench = bench(4);
    assert!(bench.start(1, SHORT));
    assert!(bench.start(2, SHORT));
    bench.tasks.forget(&uid(1), &object(1));
    bench.woken(1).await;
    bench.woken(2).await;
    bench.tasks.forget(&uid(2), &object(2));
    assert!(bench.tasks.take_ended(&uid(1)).is_none() && bench.tasks.take_ended(&uid(2)).is_none());
    let page = bench.metrics.encode().unwrap();
    let series = page.lines().filter(|line| line.starts_with("sluice_runs_total{"));
    let runs: f64 = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
    assert!((runs - 2.0).abs() < f64::EPSILON, "{page}");
}

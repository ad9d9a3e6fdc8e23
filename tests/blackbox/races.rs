//! Everybody at once: two operators without leader election, and two loops of `kubectl apply`. What a data migration does
//! happens once, whoever wins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use crate::env::{Operator, Spec, Team, counted, eventually, history};

/// For what several processes do at once on a busy machine.
const LONG: Duration = Duration::from_secs(90);

/// Two operators that know nothing of each other.
fn rivals(team: &Team) -> [Operator; 2] {
    ["left", "right"].map(|name| Operator::with(&team.namespace, &["--leader-elect=false", "--identity", name]))
}

/// Scripts up to a version, each with a way back.
fn scripts(up_to: usize) -> Vec<(String, String)> {
    let mut files: Vec<_> = history(&[]).into_iter().collect();
    for number in 2..=up_to {
        let version = format!("{number:03}");
        files.push((format!("V{version}__step.sql"), counted(&version, "select pg_sleep(0.02);")));
        files.push((
            format!("U{version}__step.sql"),
            format!("delete from effects where version = '{version}';\nupdate account set balance = balance - 1;\n"),
        ));
    }
    files
}

/// `kubectl apply` of the ConfigMap and the object, in one go as a pipeline does it.
fn kubectl_apply(team: &Team, up_to: usize, target: &str) {
    let files: serde_json::Map<_, _> = scripts(up_to).into_iter().map(|(name, sql)| (name, json!(sql))).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sql"}, "data": files},
        {"apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration", "metadata": {"name": "shop"},
            "spec": Spec::to(target).0},
    ]});
    // Two that apply at once may be told that the other one was faster; the next round says it again.
    if let Err(error) = team.kubectl_with(&["apply", "--filename", "-"], &list.to_string()) {
        assert!(error.contains("Conflict") || error.contains("AlreadyExists"), "{error}");
    }
}

/// Two loops of `kubectl apply`; they end when dropped.
struct Appliers {
    done: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Appliers {
    /// Each round applies what `round` says: scripts up to a version, and the target.
    fn start(team: &Arc<Team>, round: impl Fn() -> (usize, String) + Send + Sync + 'static) -> Self {
        let (done, round) = (Arc::new(AtomicBool::new(false)), Arc::new(round));
        let threads = (0..2)
            .map(|_| {
                let (team, done, round) = (Arc::clone(team), Arc::clone(&done), Arc::clone(&round));
                std::thread::spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        let (up_to, target) = round();
                        kubectl_apply(&team, up_to, &target);
                    }
                })
            })
            .collect();
        Self { done, threads }
    }

    /// Ends both, and fails where one of them did.
    fn stop(mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

impl Drop for Appliers {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// Every run that did anything came to an end that is not a failure, and nothing is held any more.
async fn all_is_quiet(team: &Team) {
    team.deserted().await;
    let failed = "select id, outcome, failure_message from sluice.migration_runs
        where outcome is null or outcome not in ('succeeded', 'interrupted')";
    assert_eq!(team.query(failed).await, Vec::<String>::new());
    assert_eq!(team.query("select * from sluice.migration_locks").await, Vec::<String>::new());
    assert_eq!(team.query("select * from sluice.v_migration_audit where not intact").await, Vec::<String>::new());
}

#[tokio::test]
async fn two_operators_and_two_appliers_never_apply_a_data_migration_twice() {
    const LAST: usize = 16;
    let team = Arc::new(Team::new("race").await);
    let _rivals = rivals(&team);
    let known = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&known);
    let appliers = Appliers::start(&team, move || (now.load(Ordering::Relaxed), "Latest".to_owned()));
    for version in 1..=LAST {
        known.store(version, Ordering::Relaxed);
        if version % 4 == 1 {
            // Now and then from a common start, else on the heels of each other.
            team.at("shop", &format!("{version:03}")).await;
        } else {
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..150))).await;
        }
    }
    team.at_within("shop", &format!("{LAST:03}"), LONG).await;
    appliers.stop();
    team.at("shop", &format!("{LAST:03}")).await;
    let expected: Vec<String> = (2..=LAST).map(|number| format!("{number:03}")).collect();
    assert_eq!(team.effects().await, expected);
    all_is_quiet(&team).await;
}

#[tokio::test]
async fn targets_that_change_all_the_time_take_each_version_up_and_down_in_turns() {
    const LAST: usize = 6;
    let team = Arc::new(Team::new("seesaw").await);
    let _rivals = rivals(&team);
    let appliers = Appliers::start(&team, || {
        let target = format!("{:03}", rand::random_range(1..=LAST));
        (LAST, target)
    });
    let runs = "select count(*) from sluice.migration_runs where outcome = 'succeeded'";
    eventually("twenty runs that succeeded", LONG, || async {
        let installed = team.value("select to_regclass('sluice.migration_runs') is not null").await == "t";
        let succeeded = if installed { team.value(runs).await.parse().unwrap() } else { 0 };
        if succeeded >= 20 { Ok(()) } else { Err(format!("{succeeded}")) }
    })
    .await;
    appliers.stop();
    team.apply("shop", &Spec::to("003")).await;
    team.at("shop", "003").await;
    let applied = "select version from sluice.schema_migrations where status = 'completed' order by 1";
    // A rival that was waiting for the lock with an earlier target takes its turn, and comes back from it.
    eventually("everything has ended at 003", LONG, || async {
        let seen = (team.sessions().await, team.effects().await, team.query(applied).await);
        let (sessions, effects, versions) = &seen;
        if *sessions == 0 && *effects == ["002", "003"] && *versions == ["001", "002", "003"] {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    })
    .await;
    all_is_quiet(&team).await;
}

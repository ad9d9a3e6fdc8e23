//! What a pass leaves of an object that is deleted while it goes on: nothing.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher;
use kube::{Client, Config};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::v1alpha1::{DatabaseMigration, MigrationPolicy};
use crate::controller::Options;
use crate::controller::context::Context;
use crate::controller::guards::Guards;
use crate::controller::leader::Timings;
use crate::controller::memory::Memory;
use crate::controller::neighbours::Neighbours;
use crate::controller::platform::Platforms;
use crate::controller::reconcile::{on_error, reconcile};
use crate::controller::rehearsals::Rehearsals;
use crate::controller::tasks::Tasks;
use crate::controller::verify::Verifications;
use crate::telemetry::Metrics;

/// An object of that uid whose pass comes to an end without a database.
fn orders(uid: &str) -> DatabaseMigration {
    serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration",
        "metadata": {"name": "orders", "namespace": "shop", "uid": uid, "generation": 1, "resourceVersion": "7"},
        "spec": {"database": {"secretRef": {"name": "db"}}, "source": {"configMaps": [{"name": "sql"}]}, "targetVersion": "not a version"},
    }))
    .unwrap()
}

/// A cache that shows these.
fn showing(objects: Vec<DatabaseMigration>) -> Store<DatabaseMigration> {
    let (store, mut writer) = reflector::store();
    for object in objects {
        writer.apply_watcher_event(&watcher::Event::Apply(object));
    }
    store
}

/// All that a pass has at hand; nobody is at the address of its API server.
fn context(objects: Store<DatabaseMigration>) -> Arc<Context> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (wake, _) = mpsc::unbounded_channel();
    let closing = CancellationToken::new();
    let metrics = Metrics::new().unwrap();
    let policies = reflector::store::Writer::new(kube::core::ApiResource::erase::<MigrationPolicy>(&())).as_reader();
    Arc::new(Context {
        client: Client::try_from(Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap(),
        options: Options {
            namespace: None,
            concurrency: 1,
            resync: Duration::from_secs(600),
            shutdown_grace: Duration::from_secs(1),
            identity: "test".to_owned(),
            dump_program: PathBuf::new(),
            endpoints: Arc::default(),
            leader_elect: false,
            lease_namespace: String::new(),
            lease_name: String::new(),
            lease_timings: Timings::default(),
        },
        neighbours: Neighbours::new(objects.clone(), wake.clone()),
        objects,
        memory: Memory::default(),
        tasks: Tasks::new(1, metrics.clone(), wake.clone()),
        rehearsals: Rehearsals::new(wake.clone(), closing.clone()),
        verifications: Verifications::new(metrics.clone(), wake, closing.clone()),
        approvals: reflector::store().0,
        platforms: Arc::new(Platforms::new(policies, reflector::store().0)),
        guards: Guards::default(),
        metrics,
        closing,
        lease: None,
    })
}

/// Whether a pass over the object of uid `a`, which then is tried again, leaves series of it, and something in the memory.
async fn left_by_a_pass(objects: Vec<DatabaseMigration>) -> (bool, bool) {
    let context = context(showing(objects));
    let object = Arc::new(orders("a"));
    let error = reconcile(Arc::clone(&object), Arc::clone(&context)).await.unwrap_err();
    on_error(object, &error, Arc::clone(&context));
    let page = context.metrics.encode().unwrap();
    (page.contains("name=\"orders\""), !context.memory.retain(&HashSet::new()).is_empty())
}

#[tokio::test(start_paused = true)]
async fn a_pass_over_an_object_that_is_deleted_meanwhile_leaves_nothing_of_it() {
    assert_eq!(left_by_a_pass(vec![orders("a")]).await, (true, true), "one that is there");
    assert_eq!(left_by_a_pass(Vec::new()).await, (false, false), "one that is gone");
    assert_eq!(left_by_a_pass(vec![orders("b")]).await, (false, false), "one that was made anew");
}

//! Who is woken when another object changes, and who is not.

use kube::runtime::reflector::{self, ObjectRef, store::Writer};
use kube::runtime::watcher::Event;
use serde_json::json;
use tokio::sync::mpsc;

use crate::api::v1alpha1::DatabaseMigration;
use crate::controller::neighbours::Neighbours;

/// The cache, and what is woken.
struct World {
    neighbours: Neighbours,
    writer: Writer<DatabaseMigration>,
    woken: mpsc::UnboundedReceiver<ObjectRef<DatabaseMigration>>,
}

fn object(name: &str, depends_on: &[&str], version: &str) -> DatabaseMigration {
    let dependencies: Vec<_> = depends_on.iter().map(|name| json!({"name": name})).collect();
    serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-of-{name}"), "generation": 1},
        "spec": {
            "database": {"secretRef": {"name": "db"}}, "source": {"inline": {}}, "targetVersion": "Latest",
            "gates": {"dependsOn": dependencies},
        },
        "status": {"applied": {"version": version, "count": 1}},
    }))
    .unwrap()
}

impl World {
    fn new() -> Self {
        let (store, writer) = reflector::store();
        let (wake, woken) = mpsc::unbounded_channel();
        Self { neighbours: Neighbours::new(store, wake), writer, woken }
    }

    /// The cache shows it, and the watch tells of it.
    fn shows(&mut self, object: &DatabaseMigration) {
        self.writer.apply_watcher_event(&Event::Apply(object.clone()));
        self.neighbours.changed(object, false);
    }

    fn loses(&mut self, object: &DatabaseMigration) {
        self.writer.apply_watcher_event(&Event::Delete(object.clone()));
        self.neighbours.changed(object, true);
    }

    /// The names of the objects that were woken since the last time.
    fn woken(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.woken.try_recv().ok()).map(|object| object.name).collect()
    }

    /// What an object sees of others: names, and which of them are there.
    fn look(&self, object: &DatabaseMigration, names: &[&str]) -> Vec<(String, bool)> {
        let seen = self.neighbours.look(object, names, None);
        seen.into_iter().map(|((_, name), there)| (name, there.is_some())).collect()
    }
}

#[test]
fn whoever_waits_is_woken_once_for_a_change_that_matters_and_not_for_one_that_does_not() {
    let mut world = World::new();
    let orders = object("orders", &["users"], "1");
    assert_eq!(world.look(&orders, &["users"]), [("users".to_owned(), false)]);
    world.shows(&object("users", &[], "1"));
    assert_eq!(world.woken(), ["orders"]);
    world.shows(&object("users", &[], "1"));
    let mut labelled = object("users", &[], "1");
    labelled.metadata.labels = Some([("team".to_owned(), "a".to_owned())].into());
    world.shows(&labelled);
    assert_eq!(world.woken(), [""; 0]);
    world.shows(&object("users", &[], "2"));
    world.loses(&object("users", &[], "2"));
    assert_eq!(world.woken(), ["orders", "orders"]);
}

#[test]
fn what_a_dependency_depends_on_is_watched_as_well_and_nobody_watches_itself() {
    let mut world = World::new();
    let orders = object("orders", &["users"], "1");
    world.shows(&orders);
    world.shows(&object("users", &["items", "gone"], "1"));
    world.shows(&object("items", &["orders"], "1"));
    let seen = world.look(&orders, &["users"]);
    let there = |name: &str, there| (name.to_owned(), there);
    assert_eq!(seen, [there("gone", false), there("items", true), there("orders", true), there("users", true)]);
    world.shows(&object("orders", &["users"], "2"));
    assert_eq!(world.woken(), [""; 0], "its own status wakes nobody");
    world.shows(&object("items", &[], "1"));
    assert_eq!(world.woken(), ["orders"], "the cycle is gone");
}

#[test]
fn who_waits_no_more_is_not_woken() {
    let mut world = World::new();
    let orders = object("orders", &["users"], "1");
    world.look(&orders, &["users"]);
    world.neighbours.forget("uid-of-orders");
    world.shows(&object("users", &[], "1"));
    assert_eq!(world.woken(), [""; 0]);
}

#[test]
fn what_changed_while_the_watch_was_down_is_noticed_when_it_is_back() {
    let mut world = World::new();
    let orders = object("orders", &["users", "items"], "1");
    world.shows(&object("users", &[], "1"));
    world.shows(&object("items", &[], "1"));
    world.look(&orders, &["users", "items"]);
    world.neighbours.began_anew();
    assert_eq!(world.woken(), [""; 0]);
    world.writer.apply_watcher_event(&Event::Init);
    world.writer.apply_watcher_event(&Event::InitApply(object("items", &[], "1")));
    world.writer.apply_watcher_event(&Event::InitDone);
    world.neighbours.began_anew();
    assert_eq!(world.woken(), ["orders"], "users is gone");
}

#[test]
fn an_object_of_another_namespace_is_another_one() {
    let mut world = World::new();
    let orders = object("orders", &[], "1");
    let before = ("staging".to_owned(), "orders".to_owned());
    assert_eq!(world.neighbours.look(&orders, &[], Some(before.clone())).get(&before), Some(&None));
    world.shows(&object("orders", &[], "2"));
    assert_eq!(world.woken(), [""; 0]);
    let mut there = object("orders", &[], "2");
    there.metadata.namespace = Some("staging".to_owned());
    world.shows(&there);
    assert_eq!(world.woken(), ["orders"]);
}

#[test]
fn of_another_namespace_only_what_lets_this_one_go_after_it_is_followed() {
    let mut world = World::new();
    let there = |name: &str, before: &str, lets: &str| {
        let mut there = object(name, &[], "1");
        there.metadata.namespace = Some("staging".to_owned());
        there.metadata.annotations = Some([("sluice.dev/promotes-to".to_owned(), lets.to_owned())].into());
        let gates = json!({"promotion": {"from": {"name": before, "namespace": "test"}}});
        there.spec.gates = serde_json::from_value(gates).unwrap();
        there
    };
    let orders = object("orders", &[], "1");
    let before = ("staging".to_owned(), "orders".to_owned());
    let names = |world: &mut World, lets: &str| -> Vec<String> {
        world.shows(&there("orders", "secret", lets));
        let seen = world.neighbours.look(&orders, &[], Some(before.clone()));
        seen.into_keys().map(|(namespace, name)| format!("{namespace}/{name}")).collect()
    };
    assert_eq!(names(&mut world, "elsewhere"), ["staging/orders"]);
    assert_eq!(names(&mut world, "shop"), ["staging/orders", "test/secret"]);
    assert_eq!(world.woken(), ["orders"], "the leave was given");
}

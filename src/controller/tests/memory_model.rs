//! The memory against random histories of an API server: own reports, reports of somebody else, a watch that lags and skips.
//! An echo must wake nobody, or each report would cost another pass; what somebody else wrote must not go unnoticed.

use proptest::prelude::*;
use serde_json::json;

use crate::api::v1alpha1::{DatabaseMigration, DatabaseMigrationStatus};
use crate::controller::memory::Memory;

const UID: &str = "uid-1";

/// One thing that happens. What is not possible at that moment does not.
#[derive(Debug, Clone)]
enum Happens {
    /// A pass begins to write this report.
    Report(i64),
    /// The report reaches the API server.
    Arrives,
    /// The answer reaches the operator.
    Answered,
    /// The request fails; it may have arrived or not.
    Fails,
    /// Somebody else writes this status.
    Meddles(i64),
    /// The watch shows the next version, or one further on.
    Shows { skip: usize },
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => (0..4_i64).prop_map(Happens::Report),
        3 => Just(Happens::Arrives),
        3 => Just(Happens::Answered),
        1 => Just(Happens::Fails),
        1 => (0..4_i64).prop_map(Happens::Meddles),
        4 => (0..3_usize).prop_map(|skip| Happens::Shows { skip }),
    ]
}

fn status(failures: i64) -> DatabaseMigrationStatus {
    DatabaseMigrationStatus { failures: Some(failures), ..DatabaseMigrationStatus::default() }
}

fn object(version: usize, failures: i64) -> DatabaseMigration {
    serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "DatabaseMigration",
        "metadata": {"name": "orders", "namespace": "shop", "uid": UID, "generation": 1,
            "resourceVersion": (version + 1).to_string()},
        "spec": {"database": {"secretRef": {"name": "db"}}, "source": {"configMaps": [{"name": "sql"}]},
            "targetVersion": "Latest"},
        "status": status(failures),
    }))
    .unwrap()
}

/// A version of the object on the API server.
#[derive(Debug, Clone, Copy)]
struct Stored {
    failures: i64,
    own: bool,
}

/// A write under way.
#[derive(Debug, Clone, Copy)]
struct Writing {
    failures: i64,
    /// The version that it led to, once it has arrived.
    arrived: Option<usize>,
}

struct World {
    memory: Memory,
    /// Every version, oldest first.
    stored: Vec<Stored>,
    /// The newest version that the watch has shown.
    seen: usize,
    writing: Option<Writing>,
    /// The newest own report.
    reported: Option<i64>,
    /// A request failed, and none was answered since: then everything may wake the object.
    unsure: bool,
    /// Somebody else has written.
    meddled: bool,
}

impl World {
    fn new() -> Self {
        let memory = Memory::default();
        assert!(memory.touched(&object(0, 0)));
        let stored = vec![Stored { failures: 0, own: false }];
        Self { memory, stored, seen: 0, writing: None, reported: None, unsure: true, meddled: false }
    }

    /// Stores a status; one that changes nothing makes no new version.
    fn store(&mut self, failures: i64, own: bool) -> usize {
        if self.newest().failures != failures {
            self.stored.push(Stored { failures, own });
        }
        self.stored.len() - 1
    }

    fn newest(&self) -> Stored {
        *self.stored.last().unwrap()
    }

    fn step(&mut self, happens: &Happens) {
        match (happens, self.writing) {
            (Happens::Report(failures), None) => {
                self.memory.reporting(UID, &status(*failures));
                self.reported = Some(*failures);
                self.writing = Some(Writing { failures: *failures, arrived: None });
            }
            (Happens::Arrives, Some(Writing { failures, arrived: None })) => {
                let arrived = Some(self.store(failures, true));
                self.writing = Some(Writing { failures, arrived });
            }
            (Happens::Answered, Some(Writing { arrived: Some(version), .. })) => {
                self.memory.reported(UID, Some(version as u64 + 1));
                self.writing = None;
                self.unsure = false;
            }
            (Happens::Fails, Some(_)) => {
                self.memory.not_reported(UID);
                self.writing = None;
                self.unsure = true;
            }
            (Happens::Meddles(failures), _) => {
                let before = self.stored.len();
                self.store(*failures, false);
                self.meddled |= self.stored.len() > before;
            }
            (Happens::Shows { skip }, _) if self.seen + 1 < self.stored.len() => {
                self.seen = (self.seen + 1 + skip).min(self.stored.len() - 1);
                self.show();
            }
            _ => {}
        }
    }

    /// The watch shows a version, and the memory says whether it matters.
    fn show(&mut self) {
        let Stored { failures, own } = self.stored[self.seen];
        let woken = self.memory.touched(&object(self.seen, failures));
        if !self.meddled && !self.unsure {
            assert!(!woken, "an echo woke the object");
        }
        let last = self.seen + 1 == self.stored.len();
        // What will be written over, or says what the own report says, need not be noticed.
        let overwritten = self.writing.is_some_and(|writing| writing.arrived.is_none());
        if last && !own && !overwritten && self.reported != Some(failures) {
            assert!(woken, "what somebody else wrote went unnoticed");
        }
    }

    /// Everything on its way arrives.
    fn settle(&mut self) {
        for happens in [Happens::Arrives, Happens::Answered] {
            self.step(&happens);
        }
        while self.seen + 1 < self.stored.len() {
            self.step(&Happens::Shows { skip: 0 });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_echo_wakes_an_object_and_no_strange_hand_goes_unnoticed(history in prop::collection::vec(happens(), 0..40)) {
        let mut world = World::new();
        for happens in &history {
            world.step(happens);
        }
        world.settle();
        let Stored { failures, .. } = world.newest();
        prop_assert_eq!(
            world.memory.previous(UID, &object(world.seen, failures)),
            Some(status(failures)),
            "the next report would be compared with a status that is not there"
        );
    }
}

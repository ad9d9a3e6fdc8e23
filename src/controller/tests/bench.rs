//! Databases that do as they are told, and what it takes to run on them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kube::runtime::reflector::ObjectRef;
use tokio::time::sleep;
use uuid::Uuid;

use crate::api::v1alpha1::{DatabaseMigration, DatabaseMigrationSpec};
use crate::controller::tasks::Start;
use crate::database::testing::{self, Double, Opens};
use crate::database::{
    Address, DatabaseError, LockAttempt, ProgressSender, Purpose, RunIdentity, RunRequest, RunStart, Session,
    StepFailure, StepReport, StopSignal,
};
use crate::migration::{MigrationSet, RawFile};
use crate::plan::{Ledger, Outcome, Step, make};
use crate::rollout::{Desired, Requests, SettledKey};

/// What a run on a database comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It succeeds after that long.
    Succeeds(Duration),
    /// The database does not answer, which takes that long to find out.
    Fails(Duration),
    /// A bug.
    Panics,
    /// It goes on until it is told to end now; being asked gently does not help.
    EndsWhenTold,
    /// It never ends.
    Hangs,
}

/// Who is at work on which database.
#[derive(Debug, Default)]
pub struct Site {
    at_work: Mutex<Vec<Address>>,
    /// The most at once.
    most: Mutex<usize>,
}

impl Site {
    /// The most runs that were at work at once.
    pub fn most(&self) -> usize {
        *self.most.lock().unwrap()
    }

    fn enter(self: &Arc<Self>, address: &Address) -> AtWork {
        let mut at_work = self.at_work.lock().unwrap();
        assert!(!at_work.contains(address), "two runs on {address} at once");
        at_work.push(address.clone());
        let mut most = self.most.lock().unwrap();
        *most = at_work.len().max(*most);
        AtWork { site: Arc::clone(self), address: address.clone() }
    }
}

/// Leaves when dropped, by a panic too.
#[derive(Debug)]
struct AtWork {
    site: Arc<Site>,
    address: Address,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.site.at_work.lock().unwrap().retain(|address| *address != self.address);
    }
}

/// Sessions that behave like that.
#[derive(Debug)]
struct Behaving {
    behaviour: Behaviour,
    site: Arc<Site>,
}

#[async_trait]
impl Opens for Behaving {
    async fn open(&self, address: &Address) -> Result<Box<dyn Session>, DatabaseError> {
        let at_work = self.site.enter(address);
        if let Behaviour::Fails(after) = self.behaviour {
            sleep(after).await;
            return Err(DatabaseError::Unreachable("connection refused".to_owned()));
        }
        Ok(Box::new(FakeSession { behaviour: self.behaviour, _at_work: at_work }))
    }
}

#[derive(Debug)]
struct FakeSession {
    behaviour: Behaviour,
    _at_work: AtWork,
}

#[async_trait]
impl Session for FakeSession {
    async fn try_lock(&mut self) -> Result<LockAttempt, DatabaseError> {
        Ok(LockAttempt::Acquired)
    }

    async fn ledger(&mut self) -> Result<Ledger, DatabaseError> {
        Ok(Ledger::default())
    }

    async fn begin_run(&mut self, _: &RunStart) -> Result<(), DatabaseError> {
        Ok(())
    }

    async fn execute(
        &mut self,
        steps: &[Step],
        _: &ProgressSender,
        stop: &StopSignal,
        done: &mut (dyn FnMut(StepReport) + Send),
    ) -> Result<(), DatabaseError> {
        match self.behaviour {
            Behaviour::Succeeds(after) => sleep(after).await,
            Behaviour::Fails(_) => {}
            Behaviour::Panics => panic!("a bug in one object's work"),
            Behaviour::EndsWhenTold => {
                stop.now.cancelled().await;
                return Err(DatabaseError::Stopped("told to".to_owned()));
            }
            Behaviour::Hangs => std::future::pending().await,
        }
        for step in steps {
            done(StepReport { label: step.label(), elapsed: Duration::ZERO, retries: 0, undo: Vec::new() });
        }
        Ok(())
    }

    async fn finish_run(&mut self, _: Outcome, _: Option<&StepFailure>) -> Result<(), DatabaseError> {
        Ok(())
    }

    async fn close(self: Box<Self>) {}
}

/// The database of that number.
pub fn address(number: usize) -> Address {
    testing::address(&format!("d{number}"))
}

/// How the object of that number is woken.
pub fn object(number: usize) -> ObjectRef<DatabaseMigration> {
    ObjectRef::new(&format!("o{number}")).within("shop")
}

/// The uid of the object of that number.
pub fn uid(number: usize) -> String {
    format!("uid-{number}")
}

/// A run of one script, of an object on a database.
pub fn start(number: usize, on: usize, behaviour: Behaviour, site: &Arc<Site>) -> Start {
    let spec: DatabaseMigrationSpec = serde_json::from_value(serde_json::json!({
        "database": {"secretRef": {"name": "db"}},
        "source": {"configMaps": [{"name": "sql"}]},
        "targetVersion": "Latest",
    }))
    .unwrap();
    let desired = Desired::of(&spec).unwrap();
    let file = RawFile::named("V001__t.sql", "create table t (id int);");
    let set = Arc::new(MigrationSet::read(&[file], desired.set_options).unwrap());
    let plan = make(&set, &Ledger::default(), &desired.target, &desired.policy).unwrap();
    Start {
        object: object(number),
        uid: uid(number),
        database: Arc::new(Double { address: address(on), sessions: Behaving { behaviour, site: Arc::clone(site) } }),
        request: RunRequest {
            identity: RunIdentity {
                id: Uuid::now_v7(),
                object: format!("shop/o{number}"),
                object_uid: uid(number),
                generation: 1,
                retry_token: None,
                abort_token: None,
                rollback_token: None,
                instance: "test".to_owned(),
            },
            plan: Arc::new(plan),
            set,
            target: desired.target,
            policy: desired.policy,
            settings: desired.settings,
            deadline: desired.deadline,
            purpose: Purpose::Apply,
            rehearsed: false,
            gates: serde_json::json!([]),
            hold: None,
            spare_rows: false,
        },
        purpose: "apply 1 migration (001)".to_owned(),
        key: SettledKey {
            generation: 1,
            set_digest: String::new(),
            credentials: String::new(),
            retry_token: None,
            requests: Requests::default(),
            requested_at: None,
        },
        baseline: None,
    }
}

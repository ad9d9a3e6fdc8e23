//! Another DatabaseMigration, as its status says: what those that wait for it want to know of it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use crate::api::v1alpha1::{ConditionType, DatabaseMigration, DatabaseMigrationStatus, PROMOTES_TO, Reason};
use crate::migration::Version;

/// Characters of another object's message that are repeated. Where objects wait in a row, each tells of the one before.
const LONGEST: usize = 300;

/// Where an object is: its namespace and its name.
pub type Place = (String, String);

/// Why one object waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// `spec.gates.dependsOn`
    DependsOn,
    /// `spec.gates.promotion.from`
    Promotion,
}

/// Another DatabaseMigration, as its status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its Ready condition is True for its present generation.
    pub ready: bool,
    /// The reason of its Ready condition; empty before there is one.
    pub reason: String,
    /// Why it is not Ready, in its own words; empty where it is.
    pub message: String,
    /// The version in effect.
    pub applied: Option<String>,
    /// `status.applied.digest`
    pub applied_digest: Option<String>,
    /// `status.source.digest`, where everything of the source is in effect.
    pub set_digest: Option<String>,
    /// Its verification passed, or it has none and is Ready: since when.
    pub verified_since: Option<Timestamp>,
    /// The namespaces that may go after it.
    pub promotes_to: Vec<String>,
    /// The objects of its namespace that it waits for itself.
    pub depends_on: Vec<String>,
    /// The object that it goes after: its namespace, where that is another one, and its name.
    pub goes_after: Option<(Option<String>, String)>,
}

impl Neighbour {
    /// What an object shows to those that wait for it.
    #[must_use]
    pub fn of(object: &DatabaseMigration) -> Self {
        let nothing = DatabaseMigrationStatus::default();
        let status = object.status.as_ref().unwrap_or(&nothing);
        let told = condition(status, ConditionType::Ready);
        let current = told.filter(|told| told.observed_generation == object.metadata.generation);
        let ready = current.is_some_and(|told| told.status == "True");
        let message = match (ready, current, told) {
            (true, _, _) => String::new(),
            (false, Some(told), _) => words(status, told),
            (false, None, Some(_)) => "its spec was changed, and that was not looked at yet".to_owned(),
            (false, None, None) => "it was not looked at yet".to_owned(),
        };
        let applied = status.applied.as_ref();
        let gates = object.spec.gates.as_ref();
        let dependencies = gates.and_then(|gates| gates.depends_on.as_deref()).unwrap_or_default();
        let before = gates.and_then(|gates| gates.promotion.as_ref()).and_then(|promotion| promotion.from.as_ref());
        Self {
            ready,
            reason: current.map(|told| told.reason.clone()).unwrap_or_default(),
            message,
            applied: applied.map(|applied| applied.version.clone()),
            applied_digest: applied.and_then(|applied| applied.digest.clone()),
            set_digest: whole(status),
            verified_since: current.filter(|_| ready).and_then(|told| verified_since(object, status, told)),
            promotes_to: namespaces(object),
            depends_on: dependencies.iter().map(|dependency| dependency.name.clone()).collect(),
            goes_after: before.map(|from| (from.namespace.clone(), from.name.clone())),
        }
    }

    /// Everything that it waits for itself; it is of that namespace.
    pub(super) fn waits_for(&self, namespace: &str) -> Vec<(Place, Wait)> {
        let depends = self.depends_on.iter().map(|name| ((namespace.to_owned(), name.clone()), Wait::DependsOn));
        let before = self.goes_after.iter().map(|(there, name)| {
            let there = there.clone().unwrap_or_else(|| namespace.to_owned());
            ((there, name.clone()), Wait::Promotion)
        });
        depends.chain(before).collect()
    }

    /// The objects that it waits for itself, where it is one of that namespace.
    #[must_use]
    pub fn further(&self, namespace: &str) -> Vec<Place> {
        self.waits_for(namespace).into_iter().map(|(place, _)| place).collect()
    }

    /// Whether objects of that namespace may go after it.
    #[must_use]
    pub fn lets(&self, namespace: &str) -> bool {
        self.promotes_to.iter().any(|allowed| allowed == "*" || allowed == namespace)
    }
}

fn condition(status: &DatabaseMigrationStatus, type_: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

fn namespaces(object: &DatabaseMigration) -> Vec<String> {
    let annotation = object.annotations().get(PROMOTES_TO).map_or("", String::as_str);
    annotation.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The digest of the source, where all of its versions are in effect and nothing else is.
fn whole(status: &DatabaseMigrationStatus) -> Option<String> {
    let (source, applied) = (status.source.as_ref()?, status.applied.as_ref()?);
    let latest = Version::parse(source.latest.as_deref()?).ok()?;
    let newest = Version::parse(&applied.version).ok()?;
    (latest == newest && source.versions == applied.count).then(|| source.digest.clone())
}

/// Since when what is in effect counts as verified: the end of the verification that passed; where there is none, since when
/// the object has been Ready. An object that has checks which did not judge its newest run is not verified.
fn verified_since(
    object: &DatabaseMigration,
    status: &DatabaseMigrationStatus,
    ready: &Condition,
) -> Option<Timestamp> {
    let newest = status.history.first().map(|run| run.id.as_str());
    let judged = status.verification.as_ref().filter(|judged| newest == Some(judged.run_id.as_str()));
    match judged {
        Some(judged) if judged.verdict == "Passed" => judged.end_time.as_ref().map(|end| end.0),
        Some(_) => None,
        None if object.spec.verification.is_some() => None,
        None => Some(ready.last_transition_time.0),
    }
}

/// Why it is not Ready. Of what goes on, only that it does: whoever waits must not be woken by each step that it takes.
fn words(status: &DatabaseMigrationStatus, told: &Condition) -> String {
    if status.run.is_some() {
        "a run is under way".to_owned()
    } else if told.reason == Reason::Verifying.as_str() {
        "what it applied is being verified".to_owned()
    } else {
        shortened(&told.message)
    }
}

fn shortened(message: &str) -> String {
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

//! What the platform imposes on an object: MigrationPolicies and labels of namespaces, kept by watches, combined anew in each pass.
//!
//! Policies are read as they were written, not as this release knows them: one with a field of a newer release must close, and must not
//! make the others unreadable.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Client, ResourceExt};

use crate::api::v1alpha1::{DatabaseMigration, DatabaseMigrationSpec};
use crate::checks::{self, Endpoints};
use crate::policy::{ByRisk, DatabaseRules, Labels, Policy, Raised, raise};
use crate::rollout::{Closed, Platform};

/// How long a pass waits for the first list of policies. Until it is there nobody knows what is imposed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the watches have shown.
pub struct Platforms {
    policies: Store<DynamicObject>,
    namespaces: Store<PartialObjectMeta<Namespace>>,
    /// Why policies could not be read when it was tried last.
    trouble: Mutex<Option<String>>,
}

/// What plans of one risk are asked for.
pub struct Asked {
    /// The object's spec, raised; as it was written where nobody knows what is imposed.
    pub spec: DatabaseMigrationSpec,
    /// What the core has to know.
    pub platform: Platform,
}

/// What holds for one object.
pub struct Ruled {
    /// For plans of each risk.
    pub by_risk: ByRisk<Asked>,
    /// What its database must be like.
    pub database: DatabaseRules,
    /// The addresses that its checks may name.
    pub endpoints: Arc<Endpoints>,
    /// Whether its plan is shown without SQL.
    pub hide_sql: bool,
}

impl Platforms {
    /// Nothing yet.
    pub fn new(policies: Store<DynamicObject>, namespaces: Store<PartialObjectMeta<Namespace>>) -> Self {
        Self { policies, namespaces, trouble: Mutex::default() }
    }

    /// Policies could not be read.
    pub fn in_trouble(&self, why: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Combines an object with everything that selects it. `own` are the addresses that the operator was started with.
    pub async fn rule(&self, client: &Client, own: &Arc<Endpoints>, object: &DatabaseMigration) -> Ruled {
        let unruled = |closed: Closed| Ruled {
            by_risk: ByRisk::always(Asked {
                spec: object.spec.clone(),
                platform: Platform { closed: Some(closed), ..Platform::default() },
            }),
            database: DatabaseRules::default(),
            endpoints: Arc::clone(own),
            hide_sql: true,
        };
        // A store that was dropped never becomes ready, and only a process that ends drops it.
        let ready = tokio::time::timeout(PATIENCE, self.policies.wait_until_ready()).await;
        if !matches!(ready, Ok(Ok(()))) {
            let why = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let why = why.unwrap_or_else(|| "the API server does not answer".to_owned());
            return unruled(Closed::Unread(format!(
                "MigrationPolicies cannot be read, so nobody knows what is imposed and nothing runs: {why}; install the custom resources \
                 of this release and let the operator list and watch migrationpolicies"
            )));
        }
        let policies: Vec<_> =
            self.policies.state().iter().map(|policy| Policy::read(&policy.name_any(), &policy.data)).collect();
        let namespace = object.namespace().unwrap_or_default();
        let labels = Labels {
            namespace_labels: self.namespace_labels(client, &namespace).await,
            namespace,
            name: object.name_any(),
            labels: object.metadata.labels.clone().unwrap_or_default(),
        };
        match raise(&object.spec, &labels, &policies) {
            Err(fault) => unruled(Closed::Refused(format!("{fault}; nothing runs before that is mended"))),
            Ok(raised) => ruled(&raised, own),
        }
    }

    /// The labels of a namespace: those that the watch showed, else those that it has now.
    async fn namespace_labels(
        &self,
        client: &Client,
        namespace: &str,
    ) -> Option<std::collections::BTreeMap<String, String>> {
        if let Some(known) = self.namespaces.get(&ObjectRef::new(namespace)) {
            return Some(known.metadata.labels.clone().unwrap_or_default());
        }
        let asked = Api::<Namespace>::all(client.clone()).get_metadata_opt(namespace).await;
        asked.ok().flatten().map(|found| found.metadata.labels.unwrap_or_default())
    }
}

fn ruled(by_risk: &ByRisk<Raised>, own: &Arc<Endpoints>) -> Ruled {
    // Which database, and which addresses there are, is the same for every risk.
    let any = by_risk.strictest();
    let (endpoints, conflicts) = addresses(&any.endpoints, own);
    let checks = any.spec.verification.as_ref().map(|verification| verification.checks.as_slice()).unwrap_or_default();
    let unknown = checks::unknown_endpoints(checks, &endpoints);
    let asked = |raised: &Raised| Asked {
        spec: raised.spec.clone(),
        platform: Platform {
            policies: Some(raised.imposed.clone()),
            closed: None,
            violations: raised.violations.iter().chain(&conflicts).chain(&unknown).cloned().collect(),
        },
    };
    Ruled { by_risk: by_risk.map(asked), database: any.database.clone(), endpoints, hide_sql: any.hide_sql }
}

/// The addresses of policies besides those that the operator was started with, and where they contradict each other.
fn addresses(imposed: &Endpoints, own: &Arc<Endpoints>) -> (Arc<Endpoints>, Vec<String>) {
    let mut endpoints = Arc::clone(own);
    let mut conflicts = Vec::new();
    if *imposed != Endpoints::default() {
        let all = Arc::make_mut(&mut endpoints);
        for (kind, from, to) in
            [("prometheus", &imposed.prometheus, &mut all.prometheus), ("http", &imposed.http, &mut all.http)]
        {
            for (name, url) in from {
                if to.insert(name.clone(), url.clone()).is_some_and(|before| before != *url) {
                    conflicts.push(format!(
                        "a MigrationPolicy and a flag of the operator give different addresses to the {kind} endpoint {name}; make the two \
                         agree"
                    ));
                }
            }
        }
    }
    (endpoints, conflicts)
}

//! Whether the admission policies are installed: asked of the API server, and remembered for a few seconds.

use std::time::{Duration, Instant};

use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::{Api, Client};
use tokio::sync::Mutex;

use crate::api::admission::{APPROVALS_POLICY, AUTHOR_POLICY};
use crate::gates::{Guard, author_guard, guard};

/// Many objects may wait for people at once, and policies change seldom.
const FRESH: Duration = Duration::from_secs(5);

/// What both policies are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What approvals are worth.
    pub approvals: Guard,
    /// What the annotation with the author is worth.
    pub author: Guard,
}

/// What was seen last.
#[derive(Debug, Default)]
pub struct Guards {
    last: Mutex<Option<(Instant, Seen)>>,
}

impl Guards {
    /// Looks, unless somebody did a moment ago.
    pub async fn look(&self, client: &Client) -> Seen {
        // Held while asking, so that passes that come meanwhile do not ask, too.
        let mut last = self.last.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < FRESH
        {
            return seen.clone();
        }
        let (approvals, author) =
            tokio::join!(ask(client, APPROVALS_POLICY, guard), ask(client, AUTHOR_POLICY, author_guard));
        let seen = Seen { approvals, author };
        *last = Some((Instant::now(), seen.clone()));
        seen
    }
}

async fn ask(
    client: &Client,
    name: &str,
    judge: fn(Option<&ValidatingAdmissionPolicy>, Option<&ValidatingAdmissionPolicyBinding>) -> Guard,
) -> Guard {
    let policies = Api::<ValidatingAdmissionPolicy>::all(client.clone());
    let bindings = Api::<ValidatingAdmissionPolicyBinding>::all(client.clone());
    match tokio::join!(policies.get_opt(name), bindings.get_opt(name)) {
        (Ok(policy), Ok(binding)) => judge(policy.as_ref(), binding.as_ref()),
        (Err(kube::Error::Api(status)), _) | (_, Err(kube::Error::Api(status))) => {
            Guard::Unknown(format!("the API server refuses to show the policy {name} or its binding ({})", status.code))
        }
        (Err(_), _) | (_, Err(_)) => Guard::Unknown("the API server does not answer".to_owned()),
    }
}

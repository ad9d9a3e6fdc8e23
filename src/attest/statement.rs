//! The statement itself.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

use super::PublicKey;

const API_VERSION: &str = "sluice.dev/v1alpha1";
const KIND: &str = "Attestation";

/// What a DatabaseMigration had in effect, and since when that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `namespace/name`.
    pub object: String,
    /// The digest of all its scripts, where all of them were in effect.
    pub set_digest: Option<String>,
    /// The digest of what was in effect.
    pub applied_digest: String,
    /// The newest version in effect.
    pub applied_version: String,
    /// Since when that was verified.
    pub verified_since: Timestamp,
    /// What its people call the cluster.
    pub cluster: Option<String>,
}

/// A statement as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    api_version: String,
    kind: String,
    /// `namespace/name`.
    pub object: String,
    /// What the people of that cluster call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The newest version in effect.
    pub applied_version: String,
    /// The digest of what was in effect.
    pub applied_digest: String,
    /// The digest of all scripts, where all of them were in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_digest: Option<String>,
    /// Since when that was verified.
    pub verified_since: Time,
    /// When it was signed.
    pub issued_at: Time,
    /// Which key signed it.
    pub key_id: String,
}

impl Statement {
    /// States what was seen, to the second.
    #[must_use]
    pub fn new(seen: Seen, now: Timestamp, key: &PublicKey) -> Self {
        let second = |time: Timestamp| Time(Timestamp::from_second(time.as_second()).unwrap_or(time));
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            object: seen.object,
            cluster: seen.cluster,
            applied_version: seen.applied_version,
            applied_digest: seen.applied_digest,
            set_digest: seen.set_digest,
            verified_since: second(seen.verified_since),
            issued_at: second(now),
            key_id: key.id(),
        }
    }

    /// `shop/orders of cluster staging`: who states it, for people.
    #[must_use]
    pub fn whose(&self) -> String {
        match &self.cluster {
            Some(cluster) => format!("{} of cluster {cluster}", self.object),
            None => self.object.clone(),
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.api_version == API_VERSION && self.kind == KIND
    }
}

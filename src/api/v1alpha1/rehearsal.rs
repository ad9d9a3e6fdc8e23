//! `spec.gates.rehearsal`: up, back and up again on a copy of the schema.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaRef, LocalRef};

/// A rehearsal: the scripts run up, back and up again in a scratch database, which gets the schema of the database without its
/// rows and is dropped afterwards. It is made on the same server unless another one is given. The role there needs `CREATEDB`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.caRef) || has(self.serverRef)").message("caRef is of the server that serverRef names"))]
pub struct RehearsalSpec {
    /// `Shadow` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<RehearsalMode>,
    /// How long it may take as a whole, `10m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = crate::duration::PATTERN))]
    pub deadline: Option<String>,
    /// A Secret of this namespace that leads to the server on which the scratch database is made, with the keys of
    /// `spec.database.secretRef`: one of the same major version, with the extensions of the database and the roles that own its objects.
    /// The database's own server unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ref: Option<LocalRef>,
    /// The certificate authorities that the certificate of that server is checked against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CaRef>,
}

/// Where it is rehearsed: `Shadow` (unless set) in a scratch database, `Disabled` nowhere.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RehearsalMode {
    /// In a scratch database.
    Shadow,
    /// Nowhere.
    Disabled,
}

//! From the Secret (and the certificate authorities) to a database that can be talked to. Host, user and password come from
//! one Secret of the object's own namespace; nothing that is read here goes anywhere but to that host.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::api::v1alpha1::{CaKind, CaRef};
use crate::database::{self, ConnectionParts, Database, RehearsalServer};
use crate::policy::DatabaseRules;
use crate::rollout::Desired;

use super::inputs::Input;

/// The key of certificate authorities unless the spec names one.
const CA_KEY: &str = "ca.crt";
/// The part of the spec that names the database.
const DATABASE: &str = "spec.database";

/// Why there is no database to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoDatabase {
    /// What is missing, and what to write.
    NotReady(String),
    /// The API server did not show it; tried again with backoff.
    Unavailable(String),
    /// A policy forbids it.
    Refused(String),
}

impl NoDatabase {
    /// Why, for people.
    pub fn why(self) -> String {
        match self {
            Self::NotReady(why) | Self::Unavailable(why) | Self::Refused(why) => why,
        }
    }
}

/// What a Secret gave, and at which versions it was read.
pub struct Login<T> {
    /// Where it leads, or why nowhere.
    pub found: Result<T, NoDatabase>,
    /// The Secret and the certificate authorities, with their resource versions.
    pub versions: Vec<(Input, Option<String>)>,
}

/// The database that the Secret and the certificate authorities lead to. What a policy forbids is not connected to.
pub async fn read(
    client: &Client,
    namespace: &str,
    desired: &Desired,
    rules: &DatabaseRules,
) -> Login<Arc<dyn Database>> {
    let place = Place { secret: &desired.secret, ca: desired.ca.as_ref(), field: DATABASE };
    let Login { found, versions } = server(client, namespace, &place, &desired.ledger_schema, rules).await;
    Login { found: found.map(|server| database::connect(server.address, server.credentials)), versions }
}

/// The server for rehearsals, where the spec names one. Policies hold for it, too.
pub async fn rehearsal_server(
    client: &Client,
    namespace: &str,
    desired: &Desired,
    rules: &DatabaseRules,
) -> Option<Login<RehearsalServer>> {
    let (secret, ca) = desired.rehearsal.as_ref()?.server.as_ref()?;
    let place = Place { secret, ca: ca.as_ref(), field: "spec.gates.rehearsal" };
    Some(server(client, namespace, &place, &desired.ledger_schema, rules).await)
}

/// Where a server's address stands.
struct Place<'a> {
    secret: &'a str,
    ca: Option<&'a CaRef>,
    /// The part of the spec that names them.
    field: &'a str,
}

/// Reads a Secret and certificate authorities.
async fn server(
    client: &Client,
    namespace: &str,
    place: &Place<'_>,
    ledger_schema: &str,
    rules: &DatabaseRules,
) -> Login<RehearsalServer> {
    let Place { secret: name, ca, field } = *place;
    let (secret, ca) = tokio::join!(secret(client, namespace, name, field), authorities(client, namespace, ca, field));
    let mut versions = vec![(Input::Secret(name.to_owned()), secret.version.clone())];
    let mut parts = secret.value;
    if let Some(ca) = ca {
        versions.push(ca.input.clone());
        match ca.pem {
            Ok(pem) => {
                if let Ok(parts) = &mut parts {
                    parts.ca_pem = Some(pem);
                }
            }
            Err(message) => parts = parts.and(Err(message)),
        }
    }
    let found = parts.and_then(|parts| {
        let (address, credentials) = parts
            .resolve(ledger_schema)
            .map_err(|problem| NoDatabase::NotReady(format!("Secret {namespace}/{name}: {problem}")))?;
        rules.check(&address.host, credentials.tls).map_err(NoDatabase::Refused)?;
        Ok(RehearsalServer { address, credentials })
    });
    Login { found, versions }
}

struct Read<T> {
    value: Result<T, NoDatabase>,
    version: Option<String>,
}

async fn secret(client: &Client, namespace: &str, name: &str, field: &str) -> Read<ConnectionParts> {
    match Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await {
        Ok(Some(secret)) => {
            let version = secret.metadata.resource_version.clone();
            let data: BTreeMap<String, Vec<u8>> =
                secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
            let value = ConnectionParts::from_keys(&data)
                .map_err(|problem| NoDatabase::NotReady(format!("Secret {namespace}/{name}: {problem}")));
            Read { value, version }
        }
        Ok(None) => Read {
            value: Err(NoDatabase::NotReady(format!(
                "Secret {name} does not exist in namespace {namespace}; create it with the key uri, or with host, port, user, \
                 password and dbname ({field}.{reference} names it), and Sluice goes on by itself",
                reference = if field == DATABASE { "secretRef" } else { "serverRef" },
            ))),
            version: None,
        },
        Err(error) => Read {
            value: Err(NoDatabase::Unavailable(format!(
                "Secret {namespace}/{name} cannot be read: {}",
                crate::sources::kube_error(&error)
            ))),
            version: None,
        },
    }
}

struct Authorities {
    pem: Result<Vec<u8>, NoDatabase>,
    input: (Input, Option<String>),
}

async fn authorities(client: &Client, namespace: &str, reference: Option<&CaRef>, field: &str) -> Option<Authorities> {
    let reference = reference?;
    let name = reference.name.as_str();
    let key = reference.key.as_deref().unwrap_or(CA_KEY);
    let (kind, found) = match reference.kind.unwrap_or_default() {
        CaKind::Secret => {
            let found = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await;
            let found = found.map(|found| {
                found.map(|mut secret| {
                    let value = secret.data.as_mut().and_then(|data| data.remove(key)).map(|value| value.0);
                    (secret.metadata.resource_version, value)
                })
            });
            ("Secret", found)
        }
        CaKind::ConfigMap => {
            let found = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await;
            let found = found.map(|found| {
                found.map(|mut map| {
                    let value = map.data.as_mut().and_then(|data| data.remove(key)).map(String::into_bytes);
                    (map.metadata.resource_version, value)
                })
            });
            ("ConfigMap", found)
        }
    };
    let (version, pem) = match found {
        Ok(Some((version, Some(pem)))) if holds_certificates(&pem) => (version, Ok(pem)),
        Ok(Some((version, Some(_)))) => (
            version,
            Err(NoDatabase::NotReady(format!(
                "{kind} {namespace}/{name}: key {key} holds no certificates in PEM (-----BEGIN CERTIFICATE-----); \
                 {field}.caRef names it"
            ))),
        ),
        Ok(Some((version, None))) => {
            let why = format!("{kind} {namespace}/{name} has no key {key} ({field}.caRef.key); add it as PEM");
            (version, Err(NoDatabase::NotReady(why)))
        }
        Ok(None) => (
            None,
            Err(NoDatabase::NotReady(format!(
                "{kind} {name} does not exist in namespace {namespace}; create it ({field}.caRef names it)"
            ))),
        ),
        Err(error) => {
            let why = format!("{kind} {namespace}/{name} cannot be read: {}", crate::sources::kube_error(&error));
            (None, Err(NoDatabase::Unavailable(why)))
        }
    };
    Some(Authorities { pem, input: (ca_input(reference), version) })
}

/// The driver takes a text without any certificate for an empty list of authorities.
fn holds_certificates(pem: &[u8]) -> bool {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.is_ok_and(|certificates| !certificates.is_empty())
}

/// The resource that holds the certificate authorities.
pub fn ca_input(reference: &CaRef) -> Input {
    match reference.kind.unwrap_or_default() {
        CaKind::Secret => Input::Secret(reference.name.clone()),
        CaKind::ConfigMap => Input::ConfigMap(reference.name.clone()),
    }
}

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
use crate::rollout::Desired;

use super::memory::Input;

/// The key of certificate authorities unless the spec names one.
const CA_KEY: &str = "ca.crt";
/// The part of the spec that names the database.
const DATABASE: &str = "spec.database";

/// What a Secret gave, and at which versions it was read.
pub struct Login<T> {
    /// Where it leads, or what is missing and what to write.
    pub found: Result<T, String>,
    /// The Secret and the certificate authorities, with their resource versions.
    pub versions: Vec<(Input, Option<String>)>,
}

/// The database that the Secret and the certificate authorities lead to.
pub async fn read(client: &Client, namespace: &str, desired: &Desired) -> Login<Arc<dyn Database>> {
    let Login { found, versions } =
        server(client, namespace, &desired.secret, desired.ca.as_ref(), &desired.ledger_schema, DATABASE).await;
    Login { found: found.map(|server| database::connect(server.address, server.credentials)), versions }
}

/// The server for rehearsals, where the spec names one.
pub async fn rehearsal_server(client: &Client, namespace: &str, desired: &Desired) -> Option<Login<RehearsalServer>> {
    let (secret, ca) = desired.rehearsal.as_ref()?.server.as_ref()?;
    Some(server(client, namespace, secret, ca.as_ref(), &desired.ledger_schema, "spec.gates.rehearsal").await)
}

/// Reads a Secret and certificate authorities. `field` is the part of the spec that names them.
async fn server(
    client: &Client,
    namespace: &str,
    name: &str,
    ca: Option<&CaRef>,
    ledger_schema: &str,
    field: &str,
) -> Login<RehearsalServer> {
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
        parts
            .resolve(ledger_schema)
            .map(|(address, credentials)| RehearsalServer { address, credentials })
            .map_err(|problem| format!("Secret {namespace}/{name}: {problem}"))
    });
    Login { found, versions }
}

struct Read<T> {
    value: Result<T, String>,
    version: Option<String>,
}

async fn secret(client: &Client, namespace: &str, name: &str, field: &str) -> Read<ConnectionParts> {
    match Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await {
        Ok(Some(secret)) => {
            let version = secret.metadata.resource_version.clone();
            let data: BTreeMap<String, Vec<u8>> =
                secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
            let value =
                ConnectionParts::from_keys(&data).map_err(|problem| format!("Secret {namespace}/{name}: {problem}"));
            Read { value, version }
        }
        Ok(None) => Read {
            value: Err(format!(
                "Secret {name} does not exist in namespace {namespace}; create it with the key uri, or with host, port, user, \
                 password and dbname ({field}.{reference} names it), and Sluice goes on by itself",
                reference = if field == DATABASE { "secretRef" } else { "serverRef" },
            )),
            version: None,
        },
        Err(error) => Read {
            value: Err(format!("Secret {namespace}/{name} cannot be read: {}", crate::sources::kube_error(&error))),
            version: None,
        },
    }
}

struct Authorities {
    pem: Result<Vec<u8>, String>,
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
            Err(format!(
                "{kind} {namespace}/{name}: key {key} holds no certificates in PEM (-----BEGIN CERTIFICATE-----); \
                 {field}.caRef names it"
            )),
        ),
        Ok(Some((version, None))) => {
            (version, Err(format!("{kind} {namespace}/{name} has no key {key} ({field}.caRef.key); add it as PEM")))
        }
        Ok(None) => (
            None,
            Err(format!("{kind} {name} does not exist in namespace {namespace}; create it ({field}.caRef names it)")),
        ),
        Err(error) => {
            (None, Err(format!("{kind} {namespace}/{name} cannot be read: {}", crate::sources::kube_error(&error))))
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

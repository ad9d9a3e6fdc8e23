//! Scripts in ConfigMaps, each key one file.

use async_trait::async_trait;
use futures::future::join_all;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

use crate::migration::RawFile;

use super::{Source, SourceError};

/// ConfigMaps of one namespace, read together as one set of files.
#[derive(Clone)]
pub struct ConfigMaps {
    api: Api<ConfigMap>,
    namespace: String,
    names: Vec<String>,
}

/// The files of ConfigMaps and the versions that they were read at.
#[derive(Debug)]
pub struct Snapshot {
    /// All keys of all ConfigMaps.
    pub files: Result<Vec<RawFile>, SourceError>,
    /// Name and resource version of each; `None`: it is not there.
    pub versions: Vec<(String, Option<String>)>,
}

impl ConfigMaps {
    /// Those names in that namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str, names: Vec<String>) -> Self {
        Self { api: Api::namespaced(client, namespace), namespace: namespace.to_owned(), names }
    }

    /// Reads them all at once, and says at which versions, so that the caller knows a change when it sees one.
    pub async fn snapshot(&self) -> Snapshot {
        let answers = join_all(self.names.iter().map(|name| self.api.get_opt(name))).await;
        let mut files = Vec::new();
        let mut versions = Vec::new();
        let mut missing = Vec::new();
        let mut failed = None;
        for (name, answer) in self.names.iter().zip(answers) {
            match answer {
                Ok(Some(map)) => {
                    versions.push((name.clone(), map.metadata.resource_version.clone()));
                    match keys(name, map) {
                        Ok(keys) => files.extend(keys),
                        Err(error) => failed = failed.or(Some(error)),
                    }
                }
                Ok(None) => {
                    versions.push((name.clone(), None));
                    missing.push(name.as_str());
                }
                Err(error) => {
                    failed = Some(SourceError::Unavailable(format!(
                        "ConfigMap {}/{name} cannot be read: {}; trying again",
                        self.namespace,
                        super::kube_error(&error)
                    )));
                }
            }
        }
        let files = match (failed, missing.as_slice()) {
            (Some(error), _) => Err(error),
            (None, []) => Ok(files),
            (None, missing) => Err(SourceError::NotFound(format!(
                "ConfigMap {} does not exist in namespace {}; create it (spec.source.configMaps names it), and Sluice goes on by itself",
                missing.join(" and "),
                self.namespace
            ))),
        };
        Snapshot { files, versions }
    }
}

/// The keys of one ConfigMap as files. Binary data is refused: scripts are text.
fn keys(name: &str, map: ConfigMap) -> Result<Vec<RawFile>, SourceError> {
    if let Some(key) = map.binary_data.as_ref().and_then(|data| data.keys().next()) {
        return Err(SourceError::Invalid(format!(
            "ConfigMap {name}, key {key}: is binary data, not UTF-8 text; save the script as UTF-8 and create the ConfigMap again"
        )));
    }
    let data = map.data.unwrap_or_default();
    Ok(data.into_iter().map(|(key, content)| RawFile { shown: format!("{name}/{key}"), path: key, content }).collect())
}

#[async_trait]
impl Source for ConfigMaps {
    async fn fetch(&self) -> Result<Vec<RawFile>, SourceError> {
        self.snapshot().await.files
    }
}

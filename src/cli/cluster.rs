//! The way to the Kubernetes API: from inside a cluster, or by KUBECONFIG.

use clap::Args;
use kube::config::KubeConfigOptions;
use kube::{Api, Client, Config};

use crate::api::v1alpha1::DatabaseMigration;

/// Finds the cluster: the kubeconfig that `KUBECONFIG` or `~/.kube/config` names, else the ServiceAccount of this Pod.
///
/// # Errors
/// When there is neither, said with what to do.
pub async fn find() -> Result<Config, String> {
    Config::infer().await.map_err(|error| {
        format!(
            "no Kubernetes cluster was found: {error}; run inside a cluster, or name a kubeconfig file in KUBECONFIG"
        )
    })
}

/// Where an object is.
#[derive(Debug, Args)]
pub struct Place {
    /// Its namespace [default: the kubeconfig's]
    #[arg(short, long, env = "SLUICE_NAMESPACE", value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// The context of the kubeconfig that names its cluster [default: the current one]
    #[arg(long, env = "SLUICE_CONTEXT", value_name = "CONTEXT")]
    context: Option<String>,
}

impl Place {
    /// The cluster, and the namespace that is meant: the given one, else the kubeconfig's.
    ///
    /// # Errors
    /// When there is no cluster, or no such context.
    pub async fn find(&self) -> Result<(Config, String), String> {
        let config = match &self.context {
            None => find().await?,
            Some(context) => {
                let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
                Config::from_kubeconfig(&options).await.map_err(|error| {
                    format!("the context {context} cannot be used: {error}; `kubectl config get-contexts` lists them")
                })?
            }
        };
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok((config, namespace))
    }

    /// A client for it, and the namespace.
    ///
    /// # Errors
    /// When there is no cluster, or its kubeconfig cannot be used.
    pub async fn connect(&self) -> Result<(Client, String), String> {
        let (config, namespace) = self.find().await?;
        let client = Client::try_from(config).map_err(|error| format!("the Kubernetes API cannot be used: {error}"))?;
        Ok((client, namespace))
    }

    /// The flags by which another command finds the same place: ` -n shop --context eu`.
    #[must_use]
    pub fn flags(&self, namespace: &str) -> String {
        let context = self.context.as_ref().map(|context| format!(" --context {}", quoted(context)));
        format!(" -n {namespace}{}", context.unwrap_or_default())
    }
}

/// A word as a shell takes it for one.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@=,+%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The DatabaseMigration of that name.
///
/// # Errors
/// When there is none, or the API server does not give it.
pub async fn migration(api: &Api<DatabaseMigration>, namespace: &str, name: &str) -> Result<DatabaseMigration, String> {
    match api.get_opt(name).await {
        Ok(Some(object)) => Ok(object),
        Ok(None) => Err(no_migration(namespace, name)),
        Err(error) => Err(said(&error)),
    }
}

/// What is said where there is none of that name.
pub fn no_migration(namespace: &str, name: &str) -> String {
    format!(
        "there is no DatabaseMigration {name} in namespace {namespace} (or the custom resources are not installed); \
         `kubectl get dbm -A` lists all of them"
    )
}

/// What the API server said, for people.
pub fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => format!("the Kubernetes API did not answer: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_told_finds_the_same_place_and_stays_one_command() {
        let place = |context: Option<&str>| Place { namespace: None, context: context.map(str::to_owned) };
        assert_eq!(place(None).flags("shop"), " -n shop");
        assert_eq!(place(Some("arn:aws:eks/eu@prod")).flags("shop"), " -n shop --context arn:aws:eks/eu@prod");
        assert_eq!(place(Some("my prod")).flags("shop"), " -n shop --context 'my prod'");
        assert_eq!(quoted("https://idp/#Ann O'Neil"), r"'https://idp/#Ann O'\''Neil'");
        assert_eq!(quoted("a; rm -rf $HOME"), "'a; rm -rf $HOME'");
        assert_eq!(quoted(""), "''");
    }
}

//! The way to the Kubernetes API: from inside a cluster, or by KUBECONFIG.

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

/// A client, and the namespace that is meant: the given one, else the kubeconfig's.
///
/// # Errors
/// When there is no cluster, or its kubeconfig cannot be used.
pub async fn connect(namespace: Option<&str>) -> Result<(Client, String), String> {
    let config = find().await?;
    let namespace = namespace.map_or_else(|| config.default_namespace.clone(), str::to_owned);
    let client = Client::try_from(config).map_err(|error| format!("the Kubernetes API cannot be used: {error}"))?;
    Ok((client, namespace))
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

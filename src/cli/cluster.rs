//! The way to the Kubernetes API: from inside a cluster, or by KUBECONFIG.

use kube::Config;

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

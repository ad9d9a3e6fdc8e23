//! The operator's life: wait for the lease, run the controller, and on SIGTERM leave no session, no lease and no half-told
//! story behind.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::ResourceExt as _;
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::runtime::controller::{Config, Controller};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef};
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::api::v1alpha1::{DatabaseMigration, MigrationApproval};
use crate::telemetry::{Health, Metrics};

use super::context::Context;
use super::guards::Guards;
use super::inputs::Input;
use super::leader::{LeaderElector, Lease};
use super::memory::Memory;
use super::neighbours::Neighbours;
use super::options::Options;
use super::platform::Platforms;
use super::reconcile::{on_error, reconcile};
use super::rehearsals::Rehearsals;
use super::tasks::Tasks;
use super::verify::Verifications;
use super::watch;

/// What is kept of the grace period for cancelling on the servers and saying so.
const LAST: Duration = Duration::from_secs(5);
/// Passes over different objects at once. Each may hold one short-lived database connection.
const PASSES: u16 = 64;

/// Why the operator ended other than by request.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The lease went to somebody else, or could not be renewed in time. Ending is the safe answer: the next start waits
    /// for the lease like everybody.
    #[error("leadership was lost: ending, so that nothing runs twice")]
    LeadershipLost,
    /// The API server or its resources are not there.
    #[error("{0}")]
    NotReady(String),
}

/// Serves until `shutdown` is cancelled.
///
/// # Errors
/// When leadership is lost, or the custom resources are not installed.
pub async fn serve(
    client: Client,
    options: Options,
    metrics: Metrics,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    if !options.leader_elect {
        health.set_ready();
        metrics.set_leader(true);
        return lead(client, options, metrics, health, shutdown, None).await;
    }
    let elector = LeaderElector::new(
        client.clone(),
        &options.lease_namespace,
        &options.lease_name,
        &options.identity,
        options.lease_timings,
    );
    health.set_ready();
    let releasing = CancellationToken::new();
    let lease = elector.start(releasing.clone());
    let acquired = tokio::select! {
        () = shutdown.cancelled() => None,
        acquired = lease.acquired() => Some(acquired),
    };
    let result = match acquired {
        None => Ok(()),
        // The election ended before anybody was elected, and nobody asked for that.
        Some(false) => Err(ServeError::LeadershipLost),
        Some(true) => {
            metrics.set_leader(true);
            let result = lead(client, options, metrics.clone(), health, shutdown, Some(lease.clone())).await;
            metrics.set_leader(false);
            result
        }
    };
    releasing.cancel();
    lease.released().await;
    result
}

/// Runs the controller while this process leads.
async fn lead(
    client: Client,
    options: Options,
    metrics: Metrics,
    health: Health,
    shutdown: CancellationToken,
    lease: Option<Lease>,
) -> Result<(), ServeError> {
    let api: Api<DatabaseMigration> = watch::api(&client, options.namespace.as_deref());
    check_installed(&api).await?;
    let (wake, woken) = mpsc::unbounded_channel();
    let closing = CancellationToken::new();
    let tasks = Tasks::new(options.concurrency, metrics.clone(), wake.clone());
    let rehearsals = Rehearsals::new(wake.clone(), closing.clone());
    let verifications = Verifications::new(metrics.clone(), wake.clone(), closing.clone());
    let grace = options.shutdown_grace;
    let lost = lease.as_ref().map(Lease::lost).unwrap_or_default();
    let (approvals, approvals_writer) = reflector::store();
    let policies_writer = Writer::new(watch::policy_resource());
    let (namespaces, namespaces_writer) = reflector::store();
    let platforms = Arc::new(Platforms::new(policies_writer.as_reader(), namespaces));
    let (store, writer) = reflector::store();
    let context = Arc::new(Context {
        client,
        options,
        objects: store.clone(),
        memory: Memory::default(),
        tasks: Arc::clone(&tasks),
        rehearsals,
        verifications,
        neighbours: Neighbours::new(store.clone(), wake),
        approvals,
        platforms,
        guards: Guards::default(),
        metrics,
        closing: closing.clone(),
        lease,
    });

    let objects = watch::objects(Arc::clone(&context), writer);
    let (by_secret, secrets_of) = (Arc::clone(&context), store.clone());
    let (by_map, maps_of) = (Arc::clone(&context), store.clone());
    let (by_policy, imposed_on) = (Arc::clone(&context), store.clone());
    let (by_namespace, labelled) = (Arc::clone(&context), store.clone());
    let ended = CancellationToken::new();
    let controller = Controller::for_stream(objects, store)
        .with_config(Config::default().concurrency(PASSES))
        .trigger_backoff(watch::AtOnce)
        .watches_stream(watch::secrets(&context), move |secret: PartialObjectMeta<Secret>| {
            watch::dependents(&by_secret, &secrets_of, &secret, &Input::Secret(secret.name_any()))
        })
        .watches_stream(watch::config_maps(&context), move |map: PartialObjectMeta<ConfigMap>| {
            watch::dependents(&by_map, &maps_of, &map, &Input::ConfigMap(map.name_any()))
        })
        .watches_stream(watch::approvals(&context, approvals_writer), |approval: MigrationApproval| {
            let namespace = approval.namespace().unwrap_or_default();
            Some(ObjectRef::new(&approval.spec.migration_ref.name).within(&namespace))
        })
        .watches_stream_with(
            watch::policies(&context, policies_writer),
            move |_: DynamicObject| watch::unfinished(&by_policy, &imposed_on, None),
            watch::policy_resource(),
        )
        .watches_stream(
            watch::namespaces(&context, namespaces_writer),
            move |namespace: PartialObjectMeta<Namespace>| {
                watch::unfinished(&by_namespace, &labelled, Some(&namespace.name_any()))
            },
        )
        .reconcile_on(UnboundedReceiverStream::new(woken))
        .graceful_shutdown_on(ended.clone().cancelled_owned())
        .run(reconcile, on_error, Arc::clone(&context))
        .for_each(|result| async move {
            if let Err(error) = result {
                tracing::debug!(%error, "controller");
            }
        });
    let mut controller = tokio::spawn(controller);
    tracing::info!("the controller is running");
    tokio::select! {
        () = shutdown.cancelled() => {
            tracing::info!("asked to end: letting what runs end, starting nothing new");
            closing.cancel();
            tasks.close(grace.saturating_sub(LAST), LAST).await;
            // The passes that say how the runs ended.
            tokio::time::sleep(Duration::from_millis(300)).await;
            ended.cancel();
            if tokio::time::timeout(Duration::from_secs(2), &mut controller).await.is_err() {
                controller.abort();
            }
            Ok(())
        }
        () = lost.cancelled() => {
            closing.cancel();
            controller.abort();
            tasks.close(Duration::ZERO, LAST).await;
            Err(ServeError::LeadershipLost)
        }
        result = &mut controller => {
            health.set_not_ready("the controller has ended");
            tasks.close(Duration::ZERO, LAST).await;
            Err(ServeError::NotReady(match result {
                Ok(()) => "the controller's watch ended".to_owned(),
                Err(error) => format!("the controller ended abnormally: {error}"),
            }))
        }
    }
}

/// Says what to install when the resource type is not there, instead of trying for ever.
async fn check_installed(api: &Api<DatabaseMigration>) -> Result<(), ServeError> {
    match api.list(&kube::api::ListParams::default().limit(1)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Err(ServeError::NotReady(
            "the API server does not know databasemigrations.sluice.dev; install the custom resources first: \
             sluice crds | kubectl apply --server-side -f -"
                .to_owned(),
        )),
        Err(kube::Error::Api(status)) if status.code == 403 => Err(ServeError::NotReady(format!(
            "the API server does not let this operator list databasemigrations: {}; check the role of its ServiceAccount",
            status.message
        ))),
        // Anything else may pass: the watch goes on trying.
        Err(error) => {
            tracing::warn!(%error, "the API server did not answer; trying again");
            Ok(())
        }
    }
}

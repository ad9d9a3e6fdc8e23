//! `sluice retry`, `sluice rollback`, `sluice abort`: each sets one annotation, so that `kubectl annotate` does the same.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::api::v1alpha1::{ABORT, DatabaseMigration, FIELD_MANAGER, RETRY, ROLLBACK};
use crate::migration::Version;

use super::cluster::{self, Place};
use super::output;

/// Which object.
#[derive(Debug, Args)]
pub struct Object {
    /// Name of the DatabaseMigration
    pub(super) name: String,

    #[command(flatten)]
    pub(super) place: Place,
}

/// Try again what failed, was taken back or came to no result
///
/// Sets the annotation sluice.dev/retry to a new value. What was not tried again by itself is then: a failed run, a version
/// that was rolled back, a rollback that failed, a verification that is held.
///
/// Exit codes: 0 the request was made; 1 it was not; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice retry orders -n shop\n  \
    kubectl annotate dbm orders -n shop --overwrite sluice.dev/retry=\"$(date +%s)\"    the same")]
pub struct Retry {
    #[command(flatten)]
    object: Object,
}

/// Take back what was applied last
///
/// Sets the annotation sluice.dev/rollback to a new value. The newest run is taken back with the ledger's own copies of the
/// down scripts, and its plan is not tried again before something changes.
///
/// Exit codes: 0 the request was made; 1 it was not; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice rollback orders -n shop             to the version before the newest run\n  \
    sluice rollback orders -n shop --to 002    to that version\n  \
    kubectl annotate dbm orders -n shop --overwrite sluice.dev/rollback=\"$(date +%s)@002\"    the same")]
pub struct Rollback {
    #[command(flatten)]
    object: Object,

    /// Go to this version [default: spec.rollback.to, else the version before the newest run]
    #[arg(long, env = "SLUICE_TO", value_name = "VERSION", value_parser = version)]
    to: Option<Version>,
}

/// End what is under way: a run at the next safe place, a verification as it stands
///
/// Sets the annotation sluice.dev/abort to a new value. An aborted run does not begin again by itself; what it applied stays.
/// An aborted verification takes what was applied for good. What is held, or what a rollback could not begin to take back, is kept, too.
///
/// Exit codes: 0 the request was made; 1 it was not; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice abort orders -n shop\n  \
    kubectl annotate dbm orders -n shop --overwrite sluice.dev/abort=\"$(date +%s)\"    the same")]
pub struct Abort {
    #[command(flatten)]
    object: Object,
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).map_err(|error| error.to_string())
}

/// Asks for another try.
pub async fn retry(arguments: &Retry) -> ExitCode {
    ask(&arguments.object, RETRY, "", "tries again").await
}

/// Asks for a rollback.
pub async fn rollback(arguments: &Rollback) -> ExitCode {
    let to = arguments.to.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
    ask(&arguments.object, ROLLBACK, &to, "takes back what was applied last").await
}

/// Asks for an end.
pub async fn abort(arguments: &Abort) -> ExitCode {
    ask(&arguments.object, ABORT, "", "ends what is under way at the next safe place, or keeps what is held").await
}

async fn ask(object: &Object, annotation: &str, suffix: &str, what: &str) -> ExitCode {
    match annotate(object, annotation, suffix).await {
        Ok(namespace) => output::print(&format!(
            "asked: Sluice {what}; follow it with: sluice status {}{}\n",
            object.name,
            object.place.flags(&namespace)
        )),
        Err(message) => output::failed(&message),
    }
}

async fn annotate(object: &Object, annotation: &str, suffix: &str) -> Result<String, String> {
    let (client, namespace) = object.place.connect().await?;
    let api = Api::<DatabaseMigration>::namespaced(client, &namespace);
    let name = &object.name;
    // To the millisecond, so that two requests in a row are two.
    let token = format!("{}{suffix}", Timestamp::now().as_millisecond());
    let body = json!({"metadata": {"annotations": {annotation: token}}});
    let params = PatchParams { field_manager: Some(format!("{FIELD_MANAGER}-cli")), ..PatchParams::default() };
    match api.patch_metadata(name, &params, &Patch::Merge(&body)).await {
        Ok(_) => Ok(namespace),
        Err(kube::Error::Api(status)) if status.code == 404 => Err(cluster::no_migration(&namespace, name)),
        Err(error) => Err(cluster::said(&error)),
    }
}

//! `sluice status`: one DatabaseMigration as a story.

mod checks;
mod gates;
mod next;
mod story;

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use kube::{Api, Client};

use crate::telemetry::{ApiLayer, Metrics};

use super::cluster::{self, Place};
use super::output;

pub(super) use next::doubt;

/// Tell how a DatabaseMigration is, what it waits for, and what to do next
///
/// Reads the object with your kubeconfig (KUBECONFIG or ~/.kube/config) and tells what is applied, what is under way, who
/// stands in the way, what happened before, and the next step. It only reads.
///
/// Exit codes: 0 the object was found, whatever its state; 1 it was not, or the cluster cannot be asked; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice status orders\n  \
    sluice status orders -n shop\n  \
    watch sluice status orders -n shop")]
pub struct Arguments {
    /// Name of the DatabaseMigration
    name: String,

    #[command(flatten)]
    place: Place,
}

/// Reads and tells.
pub async fn run(arguments: &Arguments) -> ExitCode {
    match tell(arguments).await {
        Ok(story) => output::print(&story),
        Err(message) => output::failed(&message),
    }
}

async fn tell(arguments: &Arguments) -> Result<String, String> {
    let (config, namespace) = arguments.place.find().await?;
    let metrics = Metrics::new().map_err(|error| error.to_string())?;
    let builder = kube::client::ClientBuilder::try_from(config);
    let builder = builder.map_err(|error| format!("the Kubernetes API cannot be used: {error}"))?;
    let client: Client = builder.with_layer(&ApiLayer::new(metrics)).build();
    let name = &arguments.name;
    let object = cluster::migration(&Api::namespaced(client, &namespace), &namespace, name).await?;
    Ok(story::tell(&object, Timestamp::now()))
}

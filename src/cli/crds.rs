//! `sluice crds`: the custom resource definitions.

use std::process::ExitCode;

use clap::Args;

use crate::api;

use super::output;

/// Print the custom resource definitions as YAML
///
/// They are what a cluster must know before `sluice operator` runs in it. They are the same that the Helm chart installs.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice crds | kubectl apply --server-side -f -")]
pub struct Arguments {}

/// Prints them.
pub fn run(_arguments: &Arguments) -> ExitCode {
    match api::crds_yaml() {
        Ok(yaml) => output::print(&yaml),
        Err(error) => output::failed(&format!("the definitions could not be written: {error}")),
    }
}

//! `sluice admission`: what makes approvals worth something.

use std::process::ExitCode;

use clap::Args;

use crate::api;

use super::output;

/// Print the admission policies and the role of those who approve, as YAML
///
/// ValidatingAdmissionPolicies for Kubernetes 1.30 and later. Without them anybody who may create a MigrationApproval could write
/// somebody else's name into it, so approvals count for nothing until they are installed. They are the same that the Helm chart
/// installs.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice admission | kubectl apply -f -")]
pub struct Arguments {}

/// Prints them.
pub fn run(_arguments: &Arguments) -> ExitCode {
    match api::admission::admission_yaml() {
        Ok(yaml) => output::print(&yaml),
        Err(error) => output::failed(&format!("the policies could not be written: {error}")),
    }
}

//! The command line: one file per subcommand.
//!
//! This room turns flags and environment variables into plain values and shows what comes back. It must never decide
//! anything about a database, and never prints a password or a URL that holds one.

mod admission;
mod approval;
mod ask;
mod attest;
mod cluster;
mod crds;
mod duration_value;
mod endpoint;
mod layout_value;
mod lint;
mod operator;
mod output;
mod plan;
mod policy;
mod status;
mod target_database;
mod undo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The command line as a whole.
#[derive(Debug, Parser)]
#[command(
    name = "sluice",
    version,
    long_version = long_version(),
    about = "Moves PostgreSQL databases between schema versions safely, as a Kubernetes operator and from the command line",
    after_help = "Every option can be given as the environment variable named beside it.\n\
        `sluice help COMMAND` explains a command with examples.",
    arg_required_else_help = true,
    args_override_self = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Operator(Box<operator::Arguments>),
    Plan(Box<plan::Arguments>),
    Lint(Box<lint::Arguments>),
    Status(status::Arguments),
    Retry(ask::Retry),
    Rollback(ask::Rollback),
    Abort(ask::Abort),
    Approve(approval::Approve),
    Deny(approval::Deny),
    Withdraw(approval::Withdraw),
    #[command(subcommand)]
    Undo(undo::Undo),
    Attest(attest::Arguments),
    #[command(subcommand)]
    Policy(policy::Policy),
    Crds(crds::Arguments),
    Admission(admission::Arguments),
}

fn long_version() -> &'static str {
    concat!(env!("CARGO_PKG_VERSION"), "\nrustc ", env!("SLUICE_RUSTC"))
}

/// The command line as data, for the reference page.
#[must_use]
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the program. The exit code is 0 when what was asked for was done, 1 when it was not, and 2 when the command line
/// itself is wrong; each command's help says what that means there.
#[must_use]
pub fn main() -> ExitCode {
    run(Cli::parse())
}

/// Runs the program as kubectl's plugin: the same, and it speaks of itself as `kubectl sluice`.
#[must_use]
pub fn plugin() -> ExitCode {
    let matches = command().name("kubectl-sluice").bin_name("kubectl sluice").get_matches();
    match <Cli as clap::FromArgMatches>::from_arg_matches(&matches) {
        Ok(cli) => run(cli),
        Err(error) => error.exit(),
    }
}

fn run(cli: Cli) -> ExitCode {
    // Only the first call can install one, and nobody called before: an error is impossible and would change nothing.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::failed(&format!("the runtime could not be started: {error}")),
    };
    runtime.block_on(async {
        match cli.command {
            Command::Operator(arguments) => operator::run(*arguments).await,
            Command::Plan(arguments) => plan::run(*arguments).await,
            Command::Lint(arguments) => lint::run(&arguments).await,
            Command::Status(arguments) => status::run(&arguments).await,
            Command::Retry(arguments) => ask::retry(&arguments).await,
            Command::Rollback(arguments) => ask::rollback(&arguments).await,
            Command::Abort(arguments) => ask::abort(&arguments).await,
            Command::Approve(arguments) => approval::approve(&arguments).await,
            Command::Deny(arguments) => approval::deny(&arguments).await,
            Command::Withdraw(arguments) => approval::withdraw(&arguments).await,
            Command::Undo(command) => undo::run(&command).await,
            Command::Attest(arguments) => attest::run(&arguments).await,
            Command::Policy(command) => policy::run(&command),
            Command::Crds(arguments) => crds::run(&arguments),
            Command::Admission(arguments) => admission::run(&arguments),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn every_option_has_an_environment_variable_and_a_help() {
        for command in command().get_subcommands() {
            documented(command);
        }
    }

    fn documented(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        assert!(examples.contains("Examples:"), "{}", command.get_name());
        for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
            if matches!(argument.get_id().as_str(), "help" | "version") {
                continue;
            }
            let name = format!("{} --{}", command.get_name(), argument.get_id());
            let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
            assert!(variable.starts_with("SLUICE_"), "{name}: {variable}");
            assert!(argument.get_help().is_some(), "{name} has no help");
        }
        command.get_subcommands().for_each(documented);
    }
}

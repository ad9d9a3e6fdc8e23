//! `sluice lint`: what scripts would do to a database in use, before they do it.

mod github;
mod human;
mod report;
mod sarif;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::lint::{self, Catalog, LintPolicy, Severity};
use crate::migration::{Dialect, MigrationSet, SetOptions};
use crate::sources::{Directory, Source};

use super::layout_value::LayoutValue;
use super::output::{self, NOT_DONE};
use super::target_database;
use report::Report;

/// What wrong usage comes to.
const USAGE: u8 = 2;

/// Find in scripts what would hurt a database in use
///
/// Reads all scripts of a folder and tells what would block readers or writers, write tables anew, destroy rows, reach beyond the
/// schema or fail when it is run again: each with its place, why it hurts and the safe way. With --database-url the tables' sizes
/// and the server's version count too; nothing is written there. What strings hold is shown masked.
///
/// What is refused (exit code 1) is what --deny names, by rule or class, and without it every finding of severity error. A rule's
/// name counts for more than its class, --deny for more than --warn, --warn for more than --allow.
///
/// Exit codes: 0 nothing is denied; 1 something is, the scripts have problems, or the database or the folder cannot be read;
/// 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice lint migrations\n  \
    sluice lint migrations --deny DataLoss,BlockingLock --allow drop-index-without-concurrently\n  \
    sluice lint migrations -o sarif > sluice.sarif\n  \
    sluice lint migrations -o github")]
pub struct Arguments {
    /// Folder that holds the SQL scripts
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// How file names are read
    #[arg(long, env = "SLUICE_LAYOUT", value_enum, value_name = "LAYOUT", default_value_t = LayoutValue::Auto,
        ignore_case = true)]
    layout: LayoutValue,

    /// Accept holes in a plainly sequential numbering (spec.source.allowGaps)
    #[arg(long, env = "SLUICE_ALLOW_GAPS")]
    allow_gaps: bool,

    /// Rules or classes that are refused (spec.gates.lint.deny); without it whatever has severity error
    #[arg(long, env = "SLUICE_LINT_DENY", value_name = "NAMES", value_delimiter = ',')]
    deny: Vec<String>,

    /// Rules or classes that are only told (spec.gates.lint.warn)
    #[arg(long, env = "SLUICE_LINT_WARN", value_name = "NAMES", value_delimiter = ',')]
    warn: Vec<String>,

    /// Rules or classes that are passed over (spec.gates.lint.allow)
    #[arg(long, env = "SLUICE_LINT_ALLOW", value_name = "NAMES", value_delimiter = ',')]
    allow: Vec<String>,

    /// Database that the scripts are for: postgres://USER:PASSWORD@HOST:PORT/DATABASE; best given as the variable
    #[arg(long, env = "SLUICE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,

    /// File with certificate authorities (PEM) that the server's certificate is checked against
    #[arg(long, env = "SLUICE_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// How findings are shown
    #[arg(short, long, env = "SLUICE_OUTPUT", value_enum, value_name = "FORMAT", default_value_t = Format::Human)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With source lines, for people.
    Human,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of a GitHub workflow.
    Github,
}

impl Arguments {
    fn policy(&self) -> Result<LintPolicy, lint::UnknownName> {
        let policy = LintPolicy::parse(&self.deny, &self.warn, &self.allow)?;
        Ok(LintPolicy { deny_from: self.deny.is_empty().then_some(Severity::Error), ..policy })
    }
}

/// Lints and shows.
pub async fn run(arguments: &Arguments) -> ExitCode {
    let policy = match arguments.policy() {
        Ok(policy) => policy,
        Err(error) => {
            output::failed(&format!("--{error}"));
            return ExitCode::from(USAGE);
        }
    };
    let report = match make(arguments, &policy).await {
        Ok(report) => report,
        Err(message) => return output::failed(&message),
    };
    let pretty = |value: Result<serde_json::Value, serde_json::Error>| value.map(|value| format!("{value:#}\n"));
    let shown = match arguments.output {
        Format::Human => Ok(human::render(&report, colours())),
        Format::Json => pretty(serde_json::to_value(&report)),
        Format::Sarif => pretty(Ok(sarif::render(&report))),
        Format::Github => Ok(github::render(&report)),
    };
    match shown {
        Ok(shown) => {
            let printed = output::print(&shown);
            if report.passes() { printed } else { ExitCode::from(NOT_DONE) }
        }
        Err(error) => output::failed(&format!("the findings could not be written as JSON: {error}")),
    }
}

/// Whether somebody looks who can see colours.
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

async fn make(arguments: &Arguments, policy: &LintPolicy) -> Result<Report, String> {
    let files = Directory::new(&arguments.dir).fetch().await.map_err(|error| error.to_string())?;
    let options =
        SetOptions { dialect: Dialect::Postgres, layout: arguments.layout.into(), allow_gaps: arguments.allow_gaps };
    let set = match MigrationSet::read(&files, options) {
        Ok(set) => set,
        Err(problems) => return Ok(Report::unreadable(&arguments.dir, &files, &problems)),
    };
    let catalog = match arguments.database_url.as_deref() {
        Some(url) => catalog(arguments, url, &set).await?,
        None => Catalog::default(),
    };
    Ok(Report::new(&arguments.dir, &files, &set, lint::judge_set(&set, &catalog).findings, policy))
}

/// What the database knows of the relations that the scripts name.
async fn catalog(arguments: &Arguments, url: &str, set: &MigrationSet) -> Result<Catalog, String> {
    let database = target_database::open(url, arguments.ca_file.as_deref(), "sluice")?;
    database.catalog(&lint::names_of_set(set)).await.map_err(|error| error.to_string())
}

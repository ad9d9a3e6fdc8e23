//! `sluice plan`: what would run, without touching anything.

mod rehearse;
mod report;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, ValueEnum};

use crate::database::{Database, Inspection, UndoEstimate, UndoLimits};
use crate::lint::{self, Catalog};
use crate::migration::{Dialect, MigrationSet, SetOptions, Version};
use crate::plan::{self, Adoption, Ledger, MissingPolicy, OutOfOrder, Plan, Policy, Refusal, Target};
use crate::review::PlanShown;
use crate::sources::{Directory, Source};

use super::layout_value::LayoutValue;
use super::output::{self, NOT_DONE};
use super::target_database;
use rehearse::Rehearse;
use report::{Outcome, Report};

/// Show what would run, up or down, without touching anything
///
/// Reads the scripts of a folder and, with --database-url, the ledger of a database, and shows the steps from where the
/// database is to the target version, each with its file, transaction, risk, strongest lock, what it writes anew or scans, how
/// long that is estimated to take and its way down; then what the linter found, and the rows that would be copied before a
/// statement takes them away (spec.execution.undo, with its default limits). The sizes of the tables count where there is a
/// database. It only reads: nothing is created, locked or changed. Without a database it plans for an empty one.
///
/// With --rehearse the way up, back and up again is tried as well, on a copy of the schema without rows. For that, and only
/// for that, a scratch database (sluice_rehearsal_…) is created on the server, or on the one that --scratch-url names, and
/// dropped at the end; where the program is killed, the next rehearsal on that server drops it. The database itself is only
/// read. What differs after the way back is shown with both definitions.
///
/// Exit codes: 0 there is a plan, or nothing to do; 1 the scripts have problems, the plan is refused, the database or the
/// folder cannot be read, or the rehearsal did not prove the way back; 2 wrong usage.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    sluice plan --dir migrations\n  \
    sluice plan --dir migrations --database-url postgres://app:secret@localhost/shop --target 003\n  \
    SLUICE_DATABASE_URL=postgres://… sluice plan --dir migrations --rehearse\n  \
    SLUICE_DATABASE_URL=postgres://… sluice plan --dir migrations -o json | jq .outcome")]
pub struct Arguments {
    /// Folder that holds the SQL scripts
    #[arg(long, env = "SLUICE_DIR", value_name = "DIR")]
    dir: PathBuf,

    /// Database to plan for: postgres://USER:PASSWORD@HOST:PORT/DATABASE; best given as the variable
    #[arg(long, env = "SLUICE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,

    /// File with certificate authorities (PEM) that the server's certificate is checked against
    #[arg(long, env = "SLUICE_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Schema that holds the ledger
    #[arg(long, env = "SLUICE_LEDGER_SCHEMA", value_name = "SCHEMA", default_value = "sluice")]
    ledger_schema: String,

    /// Version to plan for, or Latest; an older one than the applied plans the way down, 0 all the way
    #[arg(long, env = "SLUICE_TARGET", value_name = "VERSION", default_value = "Latest", value_parser = target)]
    target: Target,

    /// How file names are read
    #[arg(long, env = "SLUICE_LAYOUT", value_enum, value_name = "LAYOUT", default_value_t = LayoutValue::Auto,
        ignore_case = true)]
    layout: LayoutValue,

    /// Accept holes in a plainly sequential numbering (spec.source.allowGaps)
    #[arg(long, env = "SLUICE_ALLOW_GAPS")]
    allow_gaps: bool,

    /// Versions older than the newest applied one that were never applied (spec.execution.outOfOrder)
    #[arg(long, env = "SLUICE_OUT_OF_ORDER", value_enum, value_name = "WHAT", default_value_t = OutOfOrderValue::Refuse,
        ignore_case = true)]
    out_of_order: OutOfOrderValue,

    /// Applied versions that the folder does not hold (spec.execution.missing)
    #[arg(long, env = "SLUICE_MISSING", value_enum, value_name = "WHAT", default_value_t = MissingValue::Refuse,
        ignore_case = true)]
    missing: MissingValue,

    /// Take versions up to this one as applied, if there is no ledger yet (spec.adoption.baselineVersion)
    #[arg(long, env = "SLUICE_BASELINE_VERSION", value_name = "VERSION", value_parser = version)]
    baseline_version: Option<Version>,

    /// Plan for a database that holds other objects but no ledger (spec.adoption.allowExisting)
    #[arg(long, env = "SLUICE_ALLOW_EXISTING", action = ArgAction::SetTrue)]
    allow_existing: bool,

    /// All steps in one transaction (spec.execution.transaction: PerRun)
    #[arg(long, env = "SLUICE_ONE_TRANSACTION", action = ArgAction::SetTrue)]
    one_transaction: bool,

    #[command(flatten)]
    rehearse: Rehearse,

    /// How the plan is shown
    #[arg(short, long, env = "SLUICE_OUTPUT", value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// The same as YAML.
    Yaml,
    /// Markdown, for pull requests.
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum OutOfOrderValue {
    /// No plan
    Refuse,
    /// Run them
    Run,
    /// Leave them out
    Ignore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum MissingValue {
    /// No plan
    Refuse,
    /// Leave them as they are
    Ignore,
}

fn target(text: &str) -> Result<Target, String> {
    if text.eq_ignore_ascii_case("latest") { Ok(Target::Latest) } else { version(text).map(Target::Version) }
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).map_err(|error| error.to_string())
}

impl Arguments {
    fn set_options(&self) -> SetOptions {
        SetOptions { dialect: Dialect::Postgres, layout: self.layout.into(), allow_gaps: self.allow_gaps }
    }

    fn policy(&self) -> Policy {
        Policy {
            out_of_order: match self.out_of_order {
                OutOfOrderValue::Refuse => OutOfOrder::Refuse,
                OutOfOrderValue::Run => OutOfOrder::Run,
                OutOfOrderValue::Ignore => OutOfOrder::Ignore,
            },
            missing: match self.missing {
                MissingValue::Refuse => MissingPolicy::Refuse,
                MissingValue::Ignore => MissingPolicy::Ignore,
            },
            allow_down: true,
            require_down: false,
            one_transaction: self.one_transaction,
            adoption: Adoption { baseline: self.baseline_version.clone(), allow_existing: self.allow_existing },
        }
    }
}

/// Plans and shows.
pub async fn run(arguments: Arguments) -> ExitCode {
    match make(&arguments).await {
        Ok(report) => {
            let shown = match arguments.output {
                Format::Text => text::render(&report),
                Format::Markdown => text::markdown(&report),
                Format::Json => match serde_json::to_string_pretty(&report) {
                    Ok(json) => json + "\n",
                    Err(error) => return output::failed(&format!("the plan could not be written as JSON: {error}")),
                },
                // By way of JSON: the YAML writer has its own idea of enums.
                Format::Yaml => match serde_json::to_value(&report).map(|value| serde_yaml::to_string(&value)) {
                    Ok(Ok(yaml)) => yaml,
                    Ok(Err(error)) => {
                        return output::failed(&format!("the plan could not be written as YAML: {error}"));
                    }
                    Err(error) => return output::failed(&format!("the plan could not be written: {error}")),
                },
            };
            let printed = output::print(&shown);
            match report.outcome {
                Outcome::Plan | Outcome::NothingToDo if report.unproven() => ExitCode::from(NOT_DONE),
                Outcome::Plan | Outcome::NothingToDo => printed,
                Outcome::Refused | Outcome::Problems => ExitCode::from(NOT_DONE),
            }
        }
        Err(message) => output::failed(&message),
    }
}

async fn make(arguments: &Arguments) -> Result<Report, String> {
    let files = Directory::new(&arguments.dir).fetch().await.map_err(|error| error.to_string())?;
    let set = match MigrationSet::read(&files, arguments.set_options()) {
        Ok(set) => set,
        Err(problems) => return Ok(Report::problems(&arguments.dir, &problems)),
    };
    let url = arguments.database_url.as_deref();
    let database = url
        .map(|url| target_database::open(url, arguments.ca_file.as_deref(), &arguments.ledger_schema))
        .transpose()?;
    let inspection = match &database {
        Some(database) => Some(inspect(database.as_ref()).await?),
        None => None,
    };
    let empty = Ledger { schema: arguments.ledger_schema.clone(), ..Ledger::default() };
    let ledger = inspection.as_ref().map_or(&empty, |(_, inspection)| &inspection.ledger);
    let made = plan::make(&set, ledger, &arguments.target, &arguments.policy());
    let undo = undo(database.as_deref(), made.as_ref()).await?;
    let shown = match made.as_ref().ok().filter(|plan| !plan.is_empty()) {
        Some(plan) => {
            let catalog = catalog(database.as_deref(), plan).await?;
            let judged = lint::assess(plan, &catalog).after(ledger.took(&plan.digest));
            Some(PlanShown::of(plan, &judged, &undo, true))
        }
        None => None,
    };
    let mut report = Report::new(&arguments.dir, &set, &arguments.target, inspection.as_ref(), made.as_ref(), shown);
    if let (Some(database), Ok(plan)) = (&database, &made) {
        let (together, ca_file) = (arguments.one_transaction, arguments.ca_file.as_deref());
        report.rehearsal = arguments.rehearse.hold(database.as_ref(), plan, together, ca_file).await?;
    }
    Ok(report)
}

/// Where the database is, for people, and what a look at it saw.
async fn inspect(database: &dyn Database) -> Result<(String, Inspection), String> {
    let inspection = database.inspect().await.map_err(|error| error.to_string())?;
    Ok((database.address().to_string(), inspection))
}

/// What the database knows of the relations that the plan names: their sizes make the difference between a moment and an hour.
async fn catalog(database: Option<&dyn Database>, plan: &Plan) -> Result<Catalog, String> {
    let Some(database) = database else { return Ok(Catalog::default()) };
    database.catalog(&lint::names(plan)).await.map_err(|error| error.to_string())
}

/// What the plan would copy before it destroys it.
async fn undo(database: Option<&dyn Database>, made: Result<&Plan, &Refusal>) -> Result<Vec<UndoEstimate>, String> {
    let (Some(database), Ok(plan)) = (database, made) else { return Ok(Vec::new()) };
    database.undo_estimates(&plan.steps, &UndoLimits::default()).await.map_err(|error| error.to_string())
}

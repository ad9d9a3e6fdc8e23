//! A plan as it is shown: the same facts as text, JSON and YAML. The field names of the JSON are stable.

use std::path::Path;

use serde::Serialize;

use crate::database::Inspection;
use crate::migration::{MigrationSet, Problems};
use crate::plan::{Plan, Refusal, Target};
use crate::review::PlanShown;

use super::rehearse::RehearsalShown;

/// What came of planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// There are steps.
    Plan,
    /// The database is where it should be.
    NothingToDo,
    /// There is no plan; `refusal` says why.
    Refused,
    /// The scripts cannot be used; `problems` says why.
    Problems,
}

/// Everything that is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What came of it.
    pub outcome: Outcome,
    /// The folder.
    pub source: SourceShown,
    /// The database, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseShown>,
    /// `Latest` or a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanShown>,
    /// What a rehearsal of it says, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<RehearsalShown>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What is wrong with the scripts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ProblemShown>,
    /// What a person should know, and what does not stop anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The scripts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceShown {
    /// The folder.
    pub dir: String,
    /// How many versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<usize>,
    /// The newest of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// Digest over all scripts, as in `status.source.digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// The database as it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseShown {
    /// `host:port/database`
    pub address: String,
    /// The server's version.
    pub server: String,
    /// The schema of the ledger.
    pub ledger_schema: String,
    /// Whether the ledger is there.
    pub ledger_installed: bool,
    /// The newest version in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
    /// How many are in effect.
    pub applied_count: usize,
}

/// One thing wrong with one file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemShown {
    /// The file.
    pub file: String,
    /// 1-based line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub cure: String,
}

impl Report {
    /// A rehearsal was asked for, and did not prove the way back.
    pub fn unproven(&self) -> bool {
        self.rehearsal.as_ref().is_some_and(|rehearsal| rehearsal.verdict != "proven")
    }

    /// Scripts that cannot be used.
    pub fn problems(dir: &Path, problems: &Problems) -> Self {
        let problems = problems.0.iter().map(|problem| ProblemShown {
            file: problem.file.clone(),
            line: problem.line,
            what: problem.what.clone(),
            cure: problem.cure.clone(),
        });
        Self {
            outcome: Outcome::Problems,
            source: SourceShown { dir: dir.display().to_string(), versions: None, latest: None, digest: None },
            database: None,
            target: None,
            plan: None,
            rehearsal: None,
            refusal: None,
            problems: problems.collect(),
            warnings: Vec::new(),
        }
    }

    /// A plan or a refusal.
    pub fn new(
        dir: &Path,
        set: &MigrationSet,
        target: &Target,
        inspection: Option<&(String, Inspection)>,
        made: Result<&Plan, &Refusal>,
        shown: Option<PlanShown>,
    ) -> Self {
        let mut warnings = set.warnings.clone();
        if let Some((_, inspection)) = inspection {
            warnings.extend(inspection.server.unsuitable.clone());
        }
        if let Ok(plan) = made {
            warnings.extend(plan.warnings.iter().cloned());
        }
        Self {
            outcome: match made {
                Ok(plan) if plan.is_empty() => Outcome::NothingToDo,
                Ok(_) => Outcome::Plan,
                Err(_) => Outcome::Refused,
            },
            source: SourceShown {
                dir: dir.display().to_string(),
                versions: Some(set.migrations.len()),
                latest: set.latest().map(ToString::to_string),
                digest: Some(set.digest.clone()),
            },
            database: inspection.map(|(address, inspection)| database(address, inspection)),
            target: Some(match target {
                Target::Latest => "Latest".to_owned(),
                Target::Version(version) => version.to_string(),
            }),
            plan: shown,
            rehearsal: None,
            refusal: made.err().map(ToString::to_string),
            problems: Vec::new(),
            warnings,
        }
    }
}

fn database(address: &str, inspection: &Inspection) -> DatabaseShown {
    let ledger = &inspection.ledger;
    DatabaseShown {
        address: address.to_owned(),
        server: inspection.server.version.clone(),
        ledger_schema: ledger.schema.clone(),
        ledger_installed: ledger.installed,
        applied: ledger.current().map(ToString::to_string),
        applied_count: ledger.applied().count(),
    }
}

//! What the linter found, as it is shown: the same facts for people, as JSON, as SARIF and as annotations. The field names of
//! the JSON are stable.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::lint::{Finding, LintPolicy, LintVerdict};
use crate::migration::{MigrationSet, Problem, Problems, RawFile, Script};

/// A finding and what it comes to.
#[derive(Debug, Serialize)]
pub struct Told {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Denied, warned or allowed.
    pub verdict: LintVerdict,
}

/// Something wrong with the source itself.
#[derive(Debug, Serialize)]
pub struct Unreadable {
    /// The file.
    pub file: String,
    /// The 1-based line, where there is one to point at.
    pub line: Option<u32>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

impl From<&Problem> for Unreadable {
    fn from(problem: &Problem) -> Self {
        let Problem { file, line, what, cure } = problem.clone();
        Self { file, line, what, cure }
    }
}

/// Everything that is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The folder.
    pub directory: String,
    /// How many scripts were read.
    pub scripts: usize,
    /// How many statements they hold.
    pub statements: usize,
    /// In the order of files and lines.
    pub findings: Vec<Told>,
    /// What keeps the scripts from being read.
    pub problems: Vec<Unreadable>,
    /// What the author of the set should know.
    pub warnings: Vec<String>,
    /// How many findings are denied.
    pub denied: usize,
    /// How many findings are told.
    pub warned: usize,
    /// How many findings comments silence.
    pub ignored: usize,
    #[serde(skip)]
    sources: BTreeMap<String, String>,
}

/// What a problem of the source is called where rules have names.
pub const UNREADABLE: &str = "unreadable-source";

impl Report {
    /// What was found in a set, judged. What the lists allow is left out; what comments silence is kept.
    pub fn new(
        directory: &Path,
        files: &[RawFile],
        set: &MigrationSet,
        findings: Vec<Finding>,
        policy: &LintPolicy,
    ) -> Self {
        let told = findings.into_iter().map(|finding| Told { verdict: policy.verdict(&finding), finding });
        let mut findings: Vec<Told> =
            told.filter(|told| told.verdict > LintVerdict::Allowed || told.finding.ignored.is_some()).collect();
        findings.sort_by(|a, b| key(&a.finding).cmp(&key(&b.finding)));
        let count = |verdict| findings.iter().filter(|told| told.verdict == verdict).count();
        let scripts = scripts(set);
        Self {
            scripts: scripts.len(),
            statements: scripts.iter().map(|script| script.statements.len()).sum(),
            denied: count(LintVerdict::Denied),
            warned: count(LintVerdict::Warned),
            ignored: count(LintVerdict::Allowed),
            findings,
            warnings: set.warnings.clone(),
            ..Self::empty(directory, files)
        }
    }

    /// What keeps the scripts from being read.
    pub fn unreadable(directory: &Path, files: &[RawFile], problems: &Problems) -> Self {
        Self { problems: problems.0.iter().map(Into::into).collect(), ..Self::empty(directory, files) }
    }

    fn empty(directory: &Path, files: &[RawFile]) -> Self {
        Self {
            directory: directory.display().to_string(),
            scripts: 0,
            statements: 0,
            findings: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            denied: 0,
            warned: 0,
            ignored: 0,
            sources: files.iter().map(|file| (file.shown.clone(), masked(&file.content))).collect(),
        }
    }

    /// Whether the exit code says that all is well.
    pub fn passes(&self) -> bool {
        self.denied == 0 && self.problems.is_empty()
    }

    /// The lines of a file from `first` to `last`, with what strings hold masked.
    pub fn lines(&self, file: &str, first: u32, last: u32) -> Option<Vec<&str>> {
        let skip = usize::try_from(first).ok()?.checked_sub(1)?;
        let take = usize::try_from(last.checked_sub(first)?).ok()? + 1;
        Some(self.sources.get(file)?.lines().skip(skip).take(take).collect())
    }
}

fn scripts(set: &MigrationSet) -> Vec<&Script> {
    let ways = set.migrations.iter().flat_map(|migration| [Some(&migration.up), migration.down.as_ref()]);
    ways.flatten().chain(set.repeatables.iter().map(|repeatable| &repeatable.script)).collect()
}

fn key(finding: &Finding) -> (&str, u32, u32, &str) {
    (&finding.file, finding.line, finding.column, finding.rule)
}

/// The text with every character between single quotes replaced, for it may be a password; lines and columns stay.
fn masked(text: &str) -> String {
    crate::lint::without_literals(text.trim_start_matches('\u{feff}'))
}

//! The linter from the outside: scripts in, findings out.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod examples;
mod false_alarms;
mod golden;
mod hostile;
mod ignore;
mod policy;
mod rewrites;
mod rules;
mod security;
mod statements;

use super::{Catalog, Finding, judge_set};
use crate::migration::{Dialect, MigrationSet, RawFile, SetOptions};

/// What is found in files of these names and contents.
fn lint_files(files: &[(&str, &str)], catalog: &Catalog) -> Vec<Finding> {
    let files: Vec<RawFile> = files.iter().map(|(path, content)| RawFile::named(*path, *content)).collect();
    let options = SetOptions { dialect: Dialect::Postgres, layout: crate::migration::Layout::Auto, allow_gaps: true };
    let set = MigrationSet::read(&files, options).unwrap_or_else(|problems| panic!("{problems}"));
    judge_set(&set, catalog).findings
}

/// What is found in one script, of a database that nobody looked at.
fn lint(sql: &str) -> Vec<Finding> {
    lint_files(&[("001_script.sql", sql)], &Catalog::default())
}

/// The names of the rules that found something, each once.
fn rules(findings: &[Finding]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = findings.iter().map(|finding| finding.rule).collect();
    names.sort_unstable();
    names.dedup();
    names
}

//! Stories of sets and scripts; the scanner's own tests are in `sql/tests`.

mod headers;
mod layouts;
mod names;
mod scripts;
mod sets;
mod single_files;

use super::{Dialect, Layout, Migration, MigrationSet, Problems, RawFile, Script, SetOptions};

/// Files of a source, as a directory shows them.
fn files(files: &[(&str, &str)]) -> Vec<RawFile> {
    files.iter().map(|(path, content)| RawFile::named(*path, *content)).collect()
}

fn read_as(layout: Layout, named: &[(&str, &str)]) -> Result<MigrationSet, Problems> {
    MigrationSet::read(&files(named), SetOptions { dialect: Dialect::Postgres, layout, allow_gaps: false })
}

fn read(named: &[(&str, &str)]) -> Result<MigrationSet, Problems> {
    read_as(Layout::Auto, named)
}

/// Files of which only the names matter.
fn read_names(names: &[&str]) -> Result<MigrationSet, Problems> {
    let named: Vec<_> = names.iter().map(|name| (*name, "select 1")).collect();
    read(&named)
}

/// `version description`, and `↓` where there is a way down.
fn outline(set: &MigrationSet) -> Vec<String> {
    let line = |m: &Migration| format!("{} {}{}", m.version, m.description, if m.down.is_some() { " ↓" } else { "" });
    set.migrations.iter().map(line).collect()
}

fn parse(sql: &str) -> Result<Script, Problems> {
    Script::parse(Dialect::Postgres, "V001__x.sql", 1, sql, false)
}

/// The one problem of a source, as people read it.
fn only_problem(result: Result<MigrationSet, Problems>) -> String {
    let problems = result.unwrap_err();
    assert_eq!(problems.0.len(), 1, "{problems}");
    problems.to_string()
}

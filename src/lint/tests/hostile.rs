//! The corpus of hostile scripts: what each of them is found by. That a server refuses them is shown in `tests/database`.

use std::path::Path;

use super::super::Class;
use super::{lint, rules};

/// Every script with its name.
fn corpus() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/database/hostile");
    let mut scripts: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    scripts.sort();
    scripts
}

/// The names behind `-- Lint:`.
fn expected(sql: &str) -> Vec<&str> {
    sql.lines().find_map(|line| line.strip_prefix("-- Lint: ")).unwrap().split(' ').collect()
}

#[test]
fn every_hostile_script_is_found_by_the_rules_that_it_names() {
    let scripts = corpus();
    assert!(scripts.len() >= 60, "{}", scripts.len());
    let mut wrong = Vec::new();
    for (name, sql) in &scripts {
        let found = lint(sql);
        let walls = found.iter().filter(|found| matches!(found.class, Class::Security | Class::Opaque));
        let walls = rules(&walls.cloned().collect::<Vec<_>>());
        if !expected(sql).iter().all(|rule| walls.contains(rule)) {
            wrong.push(format!("{name}: {walls:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_finding_about_a_hostile_script_shows_its_secrets() {
    for (name, sql) in corpus() {
        let told = format!("{:?}", lint(&sql));
        assert!(!told.contains("hunter2") && !told.contains("10.0.0.1") && !told.contains("/etc/"), "{name}: {told}");
    }
}

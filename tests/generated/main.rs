//! What is generated from the types and constants: the custom resource definitions, their copy in the chart, and the
//! reference pages. The test fails when a file differs from what the code says; `make generate` writes them again.

#![allow(missing_docs, reason = "tests are named as sentences")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a page that cannot be written fails its test")]

mod cli;
mod conditions;
mod crd;
mod lint;
mod markdown;
mod metrics;
mod plans;

use std::fs;
use std::path::Path;

/// Every generated file and what should be in it.
fn generated() -> Vec<(String, String)> {
    let crds = sluice::api::crds_yaml().unwrap();
    let pages = [
        ("crds/sluice.dev.yaml", crds.clone()),
        ("charts/sluice/files/crds/sluice.dev.yaml", crds),
        ("charts/sluice/files/admission/sluice.dev.yaml", sluice::api::admission::admission_yaml().unwrap()),
        ("docs/reference/databasemigration.md", crd::page("DatabaseMigration")),
        ("docs/reference/migrationapproval.md", crd::page("MigrationApproval")),
        ("docs/reference/migrationpolicy.md", crd::page("MigrationPolicy")),
        ("docs/reference/conditions.md", conditions::page()),
        ("docs/reference/metrics.md", metrics::page()),
        ("docs/reference/cli.md", cli::page()),
    ];
    pages.into_iter().map(|(name, text)| (name.to_owned(), text)).chain(lint::pages()).chain(plans::pages()).collect()
}

#[test]
fn generated_files_are_what_the_code_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let write = std::env::var_os("UPDATE").is_some();
    let mut stale = Vec::new();
    for (name, expected) in generated() {
        let path = root.join(&name);
        if fs::read_to_string(&path).ok().as_ref() == Some(&expected) {
            continue;
        }
        if write {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, expected).unwrap();
            println!("wrote {name}");
        } else {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "not what the code says any more: {}; run make generate", stale.join(", "));
}

#[test]
fn no_generated_page_has_an_empty_explanation() {
    for (name, text) in generated().iter().filter(|(name, _)| name.ends_with(".md")) {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let explanation = cells.last().unwrap();
            assert!(!explanation.is_empty(), "{name}:{}: {line}", number + 1);
        }
    }
}

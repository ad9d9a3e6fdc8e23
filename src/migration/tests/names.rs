use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{files, outline};
use crate::migration::{Dialect, Layout, MigrationSet, SetOptions, Version};

/// One migration in the making: its number, its words, whether it has a way down.
type Seed = (u32, Vec<String>, bool);

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    // A first word of letters, so that it cannot be taken for a part of the version; none that mean a direction.
    let word = "[a-qs-tv-z][a-z0-9]{2,6}";
    let words = proptest::collection::vec(word, 1..4);
    proptest::collection::vec((1_u32..99_999, words, any::<bool>()), 1..8).prop_map(|mut seeds: Vec<Seed>| {
        seeds.sort();
        seeds.dedup_by_key(|seed| seed.0);
        seeds
    })
}

/// Writes one migration as files of a layout.
type Writer = fn(&str, &str, bool) -> Vec<(String, String)>;

const WRITERS: [(Layout, Writer); 8] = [
    (Layout::Flyway, |version, name, down| {
        pair(format!("V{version}__{name}.sql"), format!("U{version}__{name}.sql"), down)
    }),
    (Layout::Flyway, |version, name, down| {
        pair(format!("V{version}__{name}.sql"), format!("V{version}__rollback_{name}.sql"), down)
    }),
    (Layout::GolangMigrate, |version, name, down| {
        pair(format!("{version}_{name}.up.sql"), format!("{version}_{name}.down.sql"), down)
    }),
    (Layout::Sqlx, |version, name, down| {
        pair(format!("{version}_{name}.up.sql"), format!("{version}_{name}.down.sql"), down)
    }),
    (Layout::Rollbacks, |version, name, down| {
        pair(format!("{version}_{name}.sql"), format!("rollbacks/{version}_{name}_rollback.sql"), down)
    }),
    (Layout::Diesel, |version, name, down| {
        pair(format!("{version}_{name}/up.sql"), format!("{version}_{name}__down.sql"), down)
    }),
    (Layout::Goose, |version, name, down| one(version, name, "-- +goose Up", "-- +goose Down", down)),
    (Layout::Dbmate, |version, name, down| one(version, name, "-- migrate:up", "-- migrate:down", down)),
];

fn pair(up: String, down: String, has_down: bool) -> Vec<(String, String)> {
    let mut files = vec![(up, "select 'up'".to_owned())];
    if has_down {
        files.push((down, "select 'down'".to_owned()));
    }
    files
}

fn one(version: &str, name: &str, up: &str, down: &str, has_down: bool) -> Vec<(String, String)> {
    let down = if has_down { format!("{down}\nselect 'down';\n") } else { String::new() };
    vec![(format!("{version}_{name}.sql"), format!("{up}\nselect 'up';\n{down}"))]
}

proptest! {
    #[test]
    fn names_are_read_back_as_they_were_written(seeds in seeds(), writer in 0..WRITERS.len(), auto in any::<bool>()) {
        let (layout, write) = WRITERS[writer];
        let mut named = Vec::new();
        let mut expected = Vec::new();
        for (version, words, down) in &seeds {
            named.extend(write(&format!("{version:03}"), &words.join("_"), *down));
            expected.push(format!("{version:03} {}{}", words.join(" "), if *down { " ↓" } else { "" }));
        }
        let layout = if auto { Layout::Auto } else { layout };
        let named: Vec<_> = named.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
        let options = SetOptions { dialect: Dialect::Postgres, layout, allow_gaps: true };
        let set = MigrationSet::read(&files(&named), options).unwrap();
        prop_assert_eq!(outline(&set), expected);
        for migration in &set.migrations {
            prop_assert!(migration.up.sql.contains("'up'"));
            prop_assert!(migration.down.iter().all(|down| down.sql.contains("'down'")));
        }
    }

    #[test]
    fn any_files_are_read_or_refused_without_a_panic(
        named in proptest::collection::vec(("[VUR0-9_./a-e-]{0,12}(\\.up|\\.down|/up|/metadata)?(\\.sql|\\.toml|\\.conf)", ".{0,40}"), 0..6)
    ) {
        let named: Vec<_> = named.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
        let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Auto, allow_gaps: false };
        match MigrationSet::read(&files(&named), options) {
            Ok(set) => {
                let versions: BTreeSet<Version> = set.migrations.iter().map(|m| m.version.clone()).collect();
                prop_assert_eq!(versions.len(), set.migrations.len());
            }
            Err(problems) => prop_assert!(!problems.0.is_empty()),
        }
    }
}

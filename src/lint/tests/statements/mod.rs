//! What the room says of statements, without a server.

mod any_text;
mod assessments;
mod effects;
mod risks;

use crate::lint::{Assessment, Catalog, Column, Constraint, Effect, LockMode, Relation, assess, judge_set};
use crate::migration::{Dialect, Layout, MigrationSet, RawFile, SetOptions};
use crate::plan::{Ledger, Plan, Policy, Target, make};

fn set(files: &[(&str, &str)]) -> MigrationSet {
    let files: Vec<RawFile> = files.iter().map(|(path, content)| RawFile::named(*path, *content)).collect();
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Flyway, allow_gaps: true };
    MigrationSet::read(&files, options).unwrap()
}

fn plan(files: &[(&str, &str)]) -> Plan {
    make(&set(files), &Ledger::default(), &Target::Latest, &Policy::default()).unwrap()
}

/// One script against a database that is not known.
fn unknown(sql: &str) -> Assessment {
    assess(&plan(&[("V1__x.sql", sql)]), &Catalog::default())
}

/// One script against a database with `orders`, which is large, and `small`.
fn known(sql: &str) -> Assessment {
    assess(&plan(&[("V1__x.sql", sql)]), &shop())
}

fn effects(assessment: &Assessment) -> Vec<Effect> {
    assessment.steps.iter().flat_map(|step| step.effects.clone()).collect()
}

/// `orders` of 10 GB, `small` of 1 MB that refers to it, an index on each.
fn shop() -> Catalog {
    let column = |type_name: &str, not_null| Column { type_name: type_name.to_owned(), not_null };
    let orders = Relation {
        kind: 'r',
        rows: Some(100_000_000),
        bytes: 10 * 1024 * 1024 * 1024,
        columns: [
            ("id".to_owned(), column("integer", true)),
            ("note".to_owned(), column("character varying(20)", false)),
            ("total".to_owned(), column("numeric(10,2)", false)),
        ]
        .into(),
        foreign: vec!["public.small".to_owned()],
        constraints: [(
            "orders_pkey".to_owned(),
            Constraint { kind: 'p', columns: vec!["id".to_owned()], validated: true, ..Constraint::default() },
        )]
        .into(),
        ..Relation::default()
    };
    let small = Relation {
        kind: 'r',
        rows: Some(1000),
        bytes: 1024 * 1024,
        columns: [("id".to_owned(), column("integer", true)), ("order_id".to_owned(), column("integer", false))].into(),
        foreign: vec!["public.orders".to_owned()],
        constraints: [(
            "small_order_id_fkey".to_owned(),
            Constraint {
                kind: 'f',
                columns: vec!["order_id".to_owned()],
                other: Some("public.orders".to_owned()),
                validated: true,
                not_null: false,
            },
        )]
        .into(),
        ..Relation::default()
    };
    let index = Relation { kind: 'i', bytes: 8192, table: Some("public.orders".to_owned()), ..Relation::default() };
    Catalog {
        major: Some(16),
        relations: [
            ("public.orders".to_owned(), orders),
            ("public.small".to_owned(), small),
            ("public.orders_note".to_owned(), index),
        ]
        .into(),
        search_path: vec!["public".to_owned()],
        known: true,
        ..Catalog::default()
    }
}

/// `orders AccessExclusive rewrites`, one for each touch of something that others may be using.
fn touches(effect: &Effect) -> Vec<String> {
    let mut found: Vec<String> = effect
        .touches
        .iter()
        .filter(|touch| !touch.new)
        .map(|touch| {
            let what = match (touch.rewrites, touch.scans) {
                (true, _) => " rewrites",
                (false, true) => " scans",
                (false, false) => "",
            };
            format!("{} {:?}{what}", touch.table, touch.lock)
        })
        .collect();
    found.sort();
    found
}

//! Plans as reviewers see them, for scripts of several kinds: written out whole, so that every change of a word shows in a review.

use std::collections::BTreeMap;

use sluice::lint::{Catalog, Column, Relation, assess};
use sluice::migration::{Dialect, Layout, MigrationSet, RawFile, SetOptions};
use sluice::plan::{Ledger, Plan, Policy, Target, make};
use sluice::review::{PlanShown, markdown};

const FIRST: &[(&str, &str)] = &[
    (
        "V001__shop.sql",
        "create table users (id bigint primary key, name text not null);\n\
         create table orders (id bigint primary key, user_id bigint references users, note varchar(20));\n\
         create index orders_user on orders (user_id);",
    ),
    ("U001__shop.sql", "drop table orders;\ndrop table users;"),
];

const BLOCKING: &[(&str, &str)] = &[
    (
        "V002__faster.sql",
        "-- Risk Level: MEDIUM\n\
         create index orders_note on orders (note);\n\
         alter table orders alter note type varchar(10);\n\
         alter table users drop column name;",
    ),
    (
        "U002__faster.sql",
        "alter table users add column name text;\nalter table orders alter note type varchar(20);\ndrop index orders_note;",
    ),
    ("V003__ready.sql", "update orders set note = 'ready';"),
];

const SAFE: &[(&str, &str)] = &[
    (
        "V002__faster.sql",
        "-- sluice:no-transaction\ncreate index concurrently if not exists orders_note on orders (note);",
    ),
    ("U002__faster.sql", "-- sluice:no-transaction\ndrop index concurrently if exists orders_note;"),
    (
        "V003__checked.sql",
        "-- sluice:ignore set-not-null the table is small, and the job that fills it stands still until 04:00\n\
         alter table orders alter note set not null;",
    ),
    ("U003__checked.sql", "alter table orders alter note drop not null;"),
];

/// Every plan, as Markdown and as JSON.
pub fn pages() -> Vec<(String, String)> {
    let cases = [("first", FIRST, Catalog::default()), ("blocking", BLOCKING, shop()), ("safe", SAFE, shop())];
    let mut pages = Vec::new();
    for (name, files, catalog) in cases {
        let plan = plan(files);
        let shown = PlanShown::of(&plan, &assess(&plan, &catalog), &[], true);
        pages.push((format!("tests/generated/plans/{name}.md"), markdown(&shown)));
        let json = serde_json::to_string_pretty(&shown).unwrap() + "\n";
        pages.push((format!("tests/generated/plans/{name}.json"), json));
    }
    pages
}

fn plan(files: &[(&str, &str)]) -> Plan {
    let files: Vec<RawFile> = files.iter().map(|(path, content)| RawFile::named(*path, *content)).collect();
    let options = SetOptions { dialect: Dialect::Postgres, layout: Layout::Flyway, allow_gaps: true };
    let set = MigrationSet::read(&files, options).unwrap();
    make(&set, &Ledger::default(), &Target::Latest, &Policy { allow_down: true, ..Policy::default() }).unwrap()
}

/// 2 GiB of orders, a few users.
fn shop() -> Catalog {
    let column = |type_name: &str| Column { type_name: type_name.to_owned(), ..Column::default() };
    let table = |bytes: u64, columns: &[(&str, &str)]| Relation {
        kind: 'r',
        rows: Some(bytes / 100),
        bytes,
        columns: columns.iter().map(|(name, type_name)| ((*name).to_owned(), column(type_name))).collect(),
        ..Relation::default()
    };
    Catalog {
        major: Some(16),
        relations: BTreeMap::from([
            (
                "public.orders".to_owned(),
                table(2 << 30, &[("id", "bigint"), ("user_id", "bigint"), ("note", "character varying(20)")]),
            ),
            ("public.users".to_owned(), table(64 << 10, &[("id", "bigint"), ("name", "text")])),
        ]),
        search_path: vec!["public".to_owned()],
        known: true,
        ..Catalog::default()
    }
}

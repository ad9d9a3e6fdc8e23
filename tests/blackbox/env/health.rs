//! An application that a test can make ill: what verification and rollback are tried with.

use serde_json::{Value, json};

use super::{Operator, Spec, Team, files};

/// Version 001: users, one of them. 002 spoils them, in a way that only a check sees.
pub const SPOILS: &[(&str, &str)] = &[
    (
        "V001__users.sql",
        "create table users (id int primary key, email text not null); insert into users values (1, 'a@example.org');",
    ),
    ("U001__users.sql", "drop table users;"),
    ("V002__tag.sql", "alter table users add column tag text; create index users_tag on users (tag);"),
    ("U002__tag.sql", "drop index users_tag; alter table users drop column tag;"),
];

/// A check that is as expected as long as the table `health` says so.
pub fn health() -> Value {
    json!({"name": "health", "sql": {"query": "select coalesce(max(v), 0) from health.bad"}, "expect": "value == 0"})
}

/// Verification that is over in a moment.
fn quick(checks: Value) -> Value {
    json!({"initialDelay": "100ms", "interval": "200ms", "duration": "1s", "checks": checks})
}

/// `shop`, to that version, judged by `health`, rolled back by itself.
pub fn automatic(version: &str) -> Spec {
    Spec::to(version).set("/verification", quick(json!([health()]))).set("/rollback/mode", json!("Automatic"))
}

impl Team {
    /// A team whose application is well as long as nobody writes into `health.bad`.
    pub async fn with_health(name: &str) -> Self {
        let team = Self::new(name).await;
        team.sql("create schema health; create table health.bad (v int)").await;
        team
    }

    /// The application is not well from now on.
    pub async fn falls_ill(&self) {
        self.sql("insert into health.bad values (7)").await;
    }

    /// The same once a table or column is there: what was applied makes the application ill.
    pub async fn falls_ill_with(&self, column: &str) {
        let sql = format!(
            "create or replace view health.sick as select count(*)::int as v from information_schema.columns where table_name = 'users' and column_name = '{column}';
             alter table health.bad rename to was_bad;
             create view health.bad as select v from health.sick union all select v from health.was_bad"
        );
        self.sql(&sql).await;
    }

    /// Everything about the schema outside of the ledger that people would notice.
    pub async fn shape(&self) -> Vec<String> {
        self.query(
            "select table_schema || '.' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || coalesce(column_default, '') as x
                from information_schema.columns where table_schema in ('public')
             union all select indexdef from pg_indexes where schemaname = 'public'
             union all select conname || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
             order by 1",
        )
        .await
    }

    /// Runs of the ledger, oldest first: direction, from, to and outcome.
    pub async fn story(&self) -> Vec<String> {
        self.query(
            "select concat_ws(' ', direction, coalesce(from_version, '-'), coalesce(to_version, '-'), coalesce(outcome, 'open')) as r
                from sluice.migration_runs order by ordinal",
        )
        .await
        .into_iter()
        .map(|line| line.trim_matches('"').to_owned())
        .collect()
    }

    /// `shop` with the scripts of [`SPOILS`], brought to 001 and verified there.
    pub async fn verified_at_001(name: &str) -> (Self, Operator) {
        let team = Self::with_health(name).await;
        let operator = Operator::start(&team.namespace);
        team.scripts("sql", &files(SPOILS)).await;
        team.apply("shop", &automatic("001").set("/adoption/allowExisting", json!(true))).await;
        team.at("shop", "001").await;
        (team, operator)
    }

    /// The spec of `shop` at another version.
    pub fn shop(version: &str) -> Spec {
        automatic(version).set("/adoption/allowExisting", json!(true))
    }
}

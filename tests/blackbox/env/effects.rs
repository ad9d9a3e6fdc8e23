//! What shows how often a script took effect: data migrations on a ledger that exists already. Two runs of the same DDL on
//! an empty database stop each other; two runs of the same data migration do not.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice::api::v1alpha1::DatabaseMigrationStatus;

use super::team::{SOON, condition};
use super::{Operator, Spec, Team, eventually};

/// Version 001 of each history here.
const TABLES: &str = "create table effects (version text not null);
    create table account (balance int not null); insert into account values (0);";

/// The message that commits a step: the ledger's row is in it.
pub fn commits_a_step(sql: &str) -> bool {
    sql.ends_with("commit") && sql.contains("schema_migrations") && sql.contains("'completed'")
}

/// A script that shows how often it ran, with something in the middle.
pub fn counted(version: &str, middle: &str) -> String {
    format!("insert into effects values ('{version}');\n{middle}\nupdate account set balance = balance + 1;\n")
}

/// Version 001, and these after it.
pub fn history(scripts: &[(&str, String)]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::from([("V001__tables.sql".to_owned(), TABLES.to_owned())]);
    files.extend(scripts.iter().map(|(version, sql)| (format!("V{version}__step.sql"), sql.clone())));
    files
}

impl Team {
    /// A team whose migration `shop` is at 001, with the operator that brought it there.
    pub async fn at_001(name: &str) -> (Self, Operator) {
        let team = Self::new(name).await;
        let operator = Operator::start(&team.namespace);
        team.bring_to_001().await;
        (team, operator)
    }

    /// Applies `shop` and waits until it is at 001; somebody else runs the operator.
    pub async fn bring_to_001(&self) {
        self.scripts("sql", &history(&[])).await;
        self.apply("shop", &Spec::latest()).await;
        self.at("shop", "001").await;
    }

    /// Waits until an object is Ready at that version.
    pub async fn at(&self, name: &str, version: &str) -> DatabaseMigrationStatus {
        self.at_within(name, version, SOON).await
    }

    /// The same for what takes its time.
    pub async fn at_within(&self, name: &str, version: &str, within: Duration) -> DatabaseMigrationStatus {
        self.until_within(name, &format!("ready at {version}"), within, |status| {
            condition(status, "Ready").is_some_and(|(ready, _, _)| ready == "True")
                && status.applied.as_ref().is_some_and(|applied| applied.version == version)
        })
        .await
    }

    /// Which scripts took effect, once for each time. Both are looked at in one moment: a run may be under way.
    pub async fn effects(&self) -> Vec<String> {
        let both = "select 'balance-' || balance from account union all select version from effects order by 1";
        let mut effects = self.query(both).await;
        let balance = effects.pop();
        assert_eq!(balance, Some(format!("balance-{}", effects.len())), "{effects:?}");
        effects
    }

    /// Waits until no session of Sluice is left on the database.
    pub async fn deserted(&self) {
        eventually("no session of Sluice on the database", SOON, || async {
            match self.sessions().await {
                0 => Ok(()),
                sessions => Err(format!("{sessions}")),
            }
        })
        .await;
    }

    /// Everything that was begun has ended, and nobody was ever told that anything failed.
    pub async fn nothing_is_left_behind(&self) {
        self.deserted().await;
        // The server lets go when a session ends, which may be a moment after its client did.
        let held = "select pid from pg_locks where locktype = 'advisory' and database =
            (select oid from pg_database where datname = current_database())";
        eventually("advisory locks are left behind", SOON, || async {
            let held = self.query(held).await;
            if held.is_empty() { Ok(()) } else { Err(format!("{held:?}")) }
        })
        .await;
        for (what, query) in [
            ("lock rows", "select * from sluice.migration_locks"),
            ("invalid indexes", "select indexrelid::regclass from pg_index where not indisvalid"),
            ("open runs", "select id from sluice.migration_runs where outcome is null"),
            (
                "failed runs",
                "select id, outcome, failure_message from sluice.migration_runs
                where outcome not in ('succeeded', 'interrupted')",
            ),
            ("unfinished versions", "select key, status from sluice.schema_migrations where status <> 'completed'"),
            ("broken links of the audit chain", "select * from sluice.v_migration_audit where not intact"),
        ] {
            assert_eq!(self.query(query).await, Vec::<String>::new(), "{what} are left behind");
        }
        let bad = ["ApplyFailed", "NeedsOperator", "DeadlineExceeded", "PlanFailed", "ChecksumMismatch"];
        let events = self.events("shop").await;
        assert!(!events.iter().any(|(reason, _)| bad.contains(&reason.as_str())), "{events:?}");
    }
}

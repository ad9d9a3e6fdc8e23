//! The operator is killed while the server builds an index concurrently, which no transaction protects. Whatever became of
//! the statement: one valid index, what stands around it ran once, nothing left behind, and nobody had to be asked.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::env::{Operator, Proxy, SOON, Team, eventually, history};

const WITHOUT: &str = "create index concurrently by_version on effects (version);";
const WITH: &str = "create index concurrently if not exists by_version on effects (version);";

/// A team whose index statement waits, its operator about to be killed.
struct Building {
    team: Team,
    proxy: Proxy,
    operator: Operator,
    /// What the statement waits for.
    reader: PgConnection,
}

impl Building {
    async fn begin(name: &str, prepared: &str, statement: &str) -> Self {
        let team = Team::new(name).await;
        let proxy = Proxy::to(&team.server);
        team.through(&proxy).await;
        let operator = Operator::start(&team.namespace);
        team.bring_to_001().await;
        team.sql(prepared).await;
        let mut reader = team.connect().await;
        let old = "begin isolation level repeatable read; select count(*) from effects;";
        sqlx::raw_sql(old).execute(&mut reader).await.unwrap();
        let script = format!(
            "-- sluice:no-transaction\ninsert into effects values ('002');\n{statement}\n\
             update account set balance = balance + 1;\n"
        );
        team.scripts("sql", &history(&[("002", script)])).await;
        let waits = "select count(*) from pg_stat_activity where datname = current_database()
            and query ilike '%concurrently%' and wait_event = 'virtualxid' and application_name like 'sluice%'";
        eventually("the statement waits for the reader", SOON, || async {
            let waiting = team.value(waits).await;
            if waiting == "1" { Ok(()) } else { Err(waiting) }
        })
        .await;
        Self { team, proxy, operator, reader }
    }

    /// What the catalog says of indexes on the table: name and whether it is valid.
    async fn indexes(&self) -> Vec<String> {
        let query = "select indexrelid::regclass::text || ' ' || indisvalid from pg_index
            where indrelid = 'effects'::regclass order by 1";
        self.team.query(query).await.into_iter().map(|row| row.replace('"', "")).collect()
    }

    /// One valid index, all else once.
    async fn ends_done_once(self) {
        self.team.at("shop", "002").await;
        assert_eq!(self.indexes().await, ["by_version true"]);
        assert_eq!(self.team.effects().await, ["002"]);
        self.team.nothing_is_left_behind().await;
    }

    /// The server notices that its client is gone, and cancels; what is half done stays INVALID.
    async fn cancelled(mut self, left_behind: &[&str]) -> Self {
        self.operator.kill();
        self.team.deserted().await;
        assert_eq!(self.indexes().await, left_behind);
        self.operator = Operator::start(&self.team.namespace);
        // The next one meets the same reader, and waits for it as well.
        self.reader.close().await.unwrap();
        self.reader = self.team.connect().await;
        self
    }

    /// The server does not notice, and finishes before anybody takes over.
    async fn finished(mut self) -> (Self, String) {
        self.proxy.keep_orphans();
        self.operator.kill();
        self.reader.close().await.unwrap();
        self.reader = self.team.connect().await;
        eventually("the orphan finishes the index", SOON, || async {
            let indexes = self.indexes().await;
            if indexes == ["by_version true"] { Ok(()) } else { Err(format!("{indexes:?}")) }
        })
        .await;
        let built = self.team.value("select 'by_version'::regclass::oid").await;
        self.proxy.cut();
        self.team.deserted().await;
        self.operator = Operator::start(&self.team.namespace);
        (self, built)
    }

    /// The server does not notice, and is still at it when the next operator starts.
    async fn running(mut self) -> Self {
        self.proxy.keep_orphans();
        self.operator.kill();
        self.operator = Operator::start(&self.team.namespace);
        let message = self.team.reason("shop", "AwaitingLock").await;
        assert!(message.contains("session"), "it names the session that holds the lock: {message}");
        assert_eq!(self.indexes().await, ["by_version false"]);
        self.reader.close().await.unwrap();
        self.reader = self.team.connect().await;
        eventually("the orphan finishes the index", SOON, || async {
            let indexes = self.indexes().await;
            if indexes == ["by_version true"] { Ok(()) } else { Err(format!("{indexes:?}")) }
        })
        .await;
        self.proxy.cut();
        self
    }
}

#[tokio::test]
async fn an_index_that_was_left_invalid_is_dropped_and_built_again() {
    let building = Building::begin("invalid", "", WITHOUT).await;
    building.cancelled(&["by_version false"]).await.ends_done_once().await;
}

#[tokio::test]
async fn an_index_that_was_left_invalid_is_not_taken_for_the_one_that_exists_already() {
    let building = Building::begin("invalid-ine", "", WITH).await;
    building.cancelled(&["by_version false"]).await.ends_done_once().await;
}

#[tokio::test]
async fn an_index_that_the_orphaned_session_finished_is_believed() {
    let building = Building::begin("finished", "", WITHOUT).await;
    let (building, built) = building.finished().await;
    building.team.at("shop", "002").await;
    assert_eq!(building.team.value("select 'by_version'::regclass::oid").await, built, "it was built again");
    building.ends_done_once().await;
}

#[tokio::test]
async fn an_index_that_the_orphaned_session_finished_exists_already() {
    let building = Building::begin("finished-ine", "", WITH).await;
    building.finished().await.0.ends_done_once().await;
}

#[tokio::test]
async fn an_index_that_the_orphaned_session_still_builds_is_waited_for() {
    let building = Building::begin("orphan", "", WITHOUT).await;
    building.running().await.ends_done_once().await;
}

#[tokio::test]
async fn an_index_that_the_orphaned_session_still_builds_if_it_does_not_exist_is_waited_for() {
    let building = Building::begin("orphan-ine", "", WITH).await;
    building.running().await.ends_done_once().await;
}

#[tokio::test]
async fn copies_that_a_killed_reindex_left_are_removed() {
    let prepared = "create index by_version on effects (version);";
    let building = Building::begin("reindex", prepared, "reindex index concurrently by_version;").await;
    building.cancelled(&["by_version true", "by_version_ccnew false"]).await.ends_done_once().await;
}

#[tokio::test]
async fn an_index_that_a_killed_statement_half_dropped_is_dropped() {
    let prepared =
        "create index by_version on effects (version); create index by_balance on effects ((version || ''));";
    let building = Building::begin("drop", prepared, "drop index concurrently by_balance;").await;
    building.cancelled(&["by_balance false", "by_version true"]).await.ends_done_once().await;
}

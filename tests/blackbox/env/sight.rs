//! What a database saw of Sluice: its rows down to their physical identity, and every statement that arrived.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::team::connect;
use super::{Team, world};

impl Team {
    /// A query's rows as JSON objects.
    pub async fn rows(&self, query: &str) -> Vec<Value> {
        let mut connection = self.connect().await;
        let rows = sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(q) from ({query}) q")))
            .fetch_all(&mut connection)
            .await;
        connection.close().await.unwrap();
        rows.unwrap()
    }

    /// Every row of the ledger with the transaction that wrote it and where it lies: the same only when nothing was
    /// written, not even the same values again.
    pub async fn ledger_rows(&self) -> Vec<String> {
        let tables = ["ledger_version", "schema_migrations", "migration_runs", "migration_steps"];
        let parts: Vec<String> = tables
            .iter()
            .map(|table| format!("select '{table} ' || ctid::text || ' ' || xmin::text as row from sluice.{table}"))
            .collect();
        self.query(&format!("{} order by 1", parts.join(" union all "))).await
    }

    /// From now on the server writes down each statement that arrives at the team's database.
    pub async fn listen(&self) {
        let mut admin = connect(&self.server, "postgres").await;
        let sql = format!("alter database \"{}\" set log_statement = 'all'", self.database);
        admin.execute(AssertSqlSafe(sql)).await.unwrap();
    }

    /// Statements that arrived from Sluice since [`Team::listen`], each with its session's application name. Of the
    /// shared server only.
    pub fn heard(&self) -> Vec<(String, String)> {
        let log = world().servers.description["postgres"]["log"].as_str().unwrap();
        let log = std::fs::read(log).unwrap();
        let here = format!(" db={} ", self.database);
        let mut heard: Vec<(String, String)> = Vec::new();
        let mut ours = false;
        for line in String::from_utf8_lossy(&log).lines() {
            if let Some(rest) = line.strip_prefix('\t') {
                // The rest of a statement with line ends in it.
                if let Some((_, statement)) = heard.last_mut().filter(|_| ours) {
                    statement.push('\n');
                    statement.push_str(rest);
                }
                continue;
            }
            let entry = line.split_once(&here).and_then(|(_, rest)| rest.split_once("app="));
            let statement = entry.and_then(|(_, rest)| rest.split_once(" LOG:  statement: "));
            ours = statement.is_some_and(|(application, _)| application.starts_with("sluice"));
            if let Some((application, text)) = statement.filter(|_| ours) {
                heard.push((application.to_owned(), text.to_owned()));
            }
        }
        heard
    }
}

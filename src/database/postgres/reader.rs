//! The session of a [`Reader`]: read-only transactions over one connection.
//!
//! A transaction is read-only for good once it has looked at anything, and everything of it is over before the next begins. A
//! statement that waits for a lock gives up soon; one whose client is gone ends within a second.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::time::timeout;

use crate::database::{
    Activity, CountBy, DatabaseError, LedgerFaults, MOST_BYTES, MOST_ROWS, PreflightFacts, ReadError, Reader, Row,
    StatementTimes, StatementsOf, Timing,
};
use crate::lint::Catalog;

use super::catalog;
use super::connect::{Connector, Link};
use super::failure::{SqlError, lost, name};
use super::preflight;
use super::query::{Query, Sent};
use super::quote::millis;
use super::readings;
use super::sqlstate::{NOT_IN_PREREQUISITE_STATE, QUERY_CANCELED};
use super::statement_times;
use super::statements::Sql;

/// How long ready-made checks may take on the server.
const OWN: Duration = Duration::from_secs(18);
/// How much longer than the server's own limit an answer is waited for.
const MARGIN: Duration = Duration::from_secs(3);
/// How long a query waits for a lock.
const LOCK: Duration = Duration::from_secs(2);
/// Where Sluice's own statements look things up, whatever the role's settings say.
const PATH: &str = "set local search_path = pg_catalog, pg_temp;";

/// One connection for reading.
#[derive(Debug)]
pub(super) struct PostgresReader {
    link: Link,
    sql: Sql,
}

impl PostgresReader {
    pub async fn open(connector: &Connector, sql: &Sql) -> Result<Self, DatabaseError> {
        let link = connector.connect("sluice/check", "check").await?;
        Ok(Self { link, sql: sql.clone() })
    }

    /// Begins a transaction. Its last statement is a query: after one, a transaction cannot be made to write any more.
    async fn begin(&mut self, limit: Duration, lock: Option<Duration>) -> Result<(), ReadError> {
        let begin = format!(
            "begin isolation level repeatable read, read only; set local statement_timeout = {}; set local lock_timeout = {};
             set local idle_in_transaction_session_timeout = 30000;
             select pg_catalog.set_config('client_connection_check_interval', '1s', true) where pg_catalog.version() ~ 'linux'",
            millis(limit),
            lock.map_or(0, millis),
        );
        self.link.run(&begin).await.map_err(|error| self.own_error(&error))
    }

    /// Ends a transaction: after an error nothing else can be done with it.
    async fn end<T>(&mut self, result: Result<T, SqlError>) -> Result<Result<T, SqlError>, ReadError> {
        match &result {
            Ok(_) => self.link.run("commit").await.map_err(|error| self.own_error(&error))?,
            Err(SqlError::Server(_)) => self.link.run("rollback").await.map_err(|error| self.own_error(&error))?,
            Err(SqlError::Lost(_)) => {}
        }
        Ok(result)
    }

    /// Sends a query of a user by the extended protocol, in which it can only be one statement.
    async fn send(&mut self, sent: &Sent<'_>, limit: Duration) -> Result<Vec<Option<String>>, SqlError> {
        let text = sent.text();
        let query = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch_all(&mut self.link.conn);
        let rows = timeout(limit + MARGIN, query)
            .await
            .map_err(|_| SqlError::Lost(format!("no answer within {} s", (limit + MARGIN).as_secs())))??;
        rows.iter().map(|row| Ok(row.try_get_unchecked::<Option<String>, _>(0)?)).collect()
    }

    /// An error of a user's query.
    fn query_error(&self, sent: &Sent<'_>, error: &SqlError) -> ReadError {
        match error {
            SqlError::Server(error) => sent.refused(error),
            SqlError::Lost(why) => ReadError::Unavailable(lost(&self.link.address, why)),
        }
    }

    /// An error of Sluice's own statements.
    fn own_error(&self, error: &SqlError) -> ReadError {
        match error {
            SqlError::Server(error) => {
                let objects = error.objects.iter().map(|object| format!(", {object}")).collect::<String>();
                ReadError::Refused(format!("{} refuses to be read: {}{objects}", self.link.address, name(&error.code)))
            }
            SqlError::Lost(why) => ReadError::Unavailable(lost(&self.link.address, why)),
        }
    }

    /// Asks something of Sluice's own, each statement made of the answer before; the last answer is the answer.
    async fn ask<T: DeserializeOwned>(
        &mut self,
        first: &str,
        then: impl FnOnce(Vec<readings::Part>) -> Option<String> + Send,
    ) -> Result<Option<T>, ReadError> {
        self.begin(OWN, Some(LOCK)).await?;
        let result = self.two(first, then).await;
        self.end(result).await?.map_err(|error| self.own_error(&error))
    }

    async fn two<T: DeserializeOwned>(
        &mut self,
        first: &str,
        then: impl FnOnce(Vec<readings::Part>) -> Option<String> + Send,
    ) -> Result<Option<T>, SqlError> {
        let parts = self.link.json_within(&format!("{PATH} {first}"), OWN + MARGIN).await?;
        match then(parts) {
            Some(second) => Ok(Some(self.link.json_within(&second, OWN + MARGIN).await?)),
            None => Ok(None),
        }
    }

    /// Asks one thing of Sluice's own.
    async fn one<T: DeserializeOwned>(&mut self, sql: &str) -> Result<T, ReadError> {
        self.one_there(&format!("{PATH} {sql}")).await
    }

    /// Likewise, where the statements themselves say where they look things up.
    pub async fn one_there<T: DeserializeOwned>(&mut self, sql: &str) -> Result<T, ReadError> {
        self.begin(OWN, Some(LOCK)).await?;
        let result = self.link.json_within(sql, OWN + MARGIN).await;
        self.end(result).await?.map_err(|error| self.own_error(&error))
    }
}

impl preflight::Ask for PostgresReader {
    async fn ask(&mut self, sql: &str) -> Result<BTreeMap<String, serde_json::Value>, ReadError> {
        self.one_there(sql).await
    }
}

#[async_trait]
impl Reader for PostgresReader {
    async fn query(&mut self, query: &str, limit: Duration) -> Result<Vec<Row>, ReadError> {
        let sent = Query::of(query)?.as_json();
        self.begin(limit, Some(LOCK.min(limit))).await?;
        let result = self.send(&sent, limit).await;
        let texts = self.end(result).await?.map_err(|error| self.query_error(&sent, &error))?;
        rows(&texts)
    }

    async fn time(&mut self, query: &str, runs: u32, budget: Duration) -> Result<Timing, ReadError> {
        let sent = Query::of(query)?.unseen();
        let mut times = Vec::new();
        let mut spent = Duration::ZERO;
        let mut cut_short = false;
        while times.len() < runs.max(1) as usize && !cut_short && (times.is_empty() || spent < budget) {
            let limit = budget.saturating_sub(spent).max(Duration::from_millis(1));
            // Whoever waits for a lock waits: that is part of how long a query takes.
            self.begin(limit, None).await?;
            let began = Instant::now();
            let result = self.send(&sent, limit).await;
            let took = began.elapsed();
            // The server counts whole milliseconds.
            cut_short = matches!(&result, Err(error) if error.code() == Some(QUERY_CANCELED))
                && took.as_millis() >= millis(limit);
            let ended = self.end(result).await?;
            if !cut_short {
                ended.map_err(|error| self.query_error(&sent, &error))?;
            }
            spent += took;
            times.push(took);
        }
        let runs = u32::try_from(times.len()).unwrap_or(u32::MAX);
        Ok(Timing { median: median(times), runs, cut_short })
    }

    async fn row_counts(&mut self, tables: &[String], by: CountBy) -> Result<BTreeMap<String, u64>, ReadError> {
        let first = readings::tables(tables, by);
        let counts = match by {
            CountBy::Reading => self.ask(&first, |parts| readings::sums(&parts)).await?,
            CountBy::Statistics => Some(self.one(&first).await?),
        };
        Ok(counts.unwrap_or_default())
    }

    async fn orphans(&mut self) -> Result<BTreeMap<String, u64>, ReadError> {
        let orphans = self.ask(readings::FOREIGN_KEYS, |parts| readings::sums(&parts)).await?;
        Ok(orphans.unwrap_or_default())
    }

    async fn invalid_objects(&mut self) -> Result<BTreeSet<String>, ReadError> {
        self.one(readings::INVALID_OBJECTS).await
    }

    async fn ledger_faults(&mut self) -> Result<Option<LedgerFaults>, ReadError> {
        #[derive(Deserialize)]
        struct Faults {
            changed: u64,
            open: u64,
        }
        let there = readings::ledger_is_there(&self.sql);
        let faults = readings::ledger_faults(&self.sql);
        let found: Option<Faults> = self.ask(&there, |parts| (!parts.is_empty()).then_some(faults)).await?;
        Ok(found.map(|Faults { changed, open }| LedgerFaults { changed, open }))
    }

    async fn activity(&mut self) -> Result<Activity, ReadError> {
        #[derive(Deserialize)]
        struct Counters {
            commits: u64,
            rollbacks: u64,
            deadlocks: u64,
            conflicts: u64,
            sessions: u64,
            abandoned: u64,
            fatal: u64,
            killed: u64,
        }
        let Counters { commits, rollbacks, deadlocks, conflicts, sessions, abandoned, fatal, killed } =
            self.one(readings::ACTIVITY).await?;
        Ok(Activity { commits, rollbacks, deadlocks, conflicts, sessions, abandoned, fatal, killed })
    }

    async fn preflight(&mut self, tables: &[String]) -> Result<PreflightFacts, ReadError> {
        preflight::gather(self, tables).await
    }

    async fn catalog(&mut self, names: &[String]) -> Result<Catalog, ReadError> {
        self.one::<catalog::Answer>(&catalog::statement(names)).await.map(Catalog::from)
    }

    async fn statement_times(&mut self, of: &StatementsOf) -> Result<Option<StatementTimes>, ReadError> {
        self.begin(OWN, Some(LOCK)).await?;
        let result = self.two(statement_times::EXTENSION, |parts| statement_times::times(&parts, of)).await;
        match self.end(result).await? {
            Ok(times) => Ok(times),
            // The extension is there, and the server was started without its library.
            Err(error) if error.code() == Some(NOT_IN_PREREQUISITE_STATE) => Ok(None),
            Err(error) => Err(self.own_error(&error)),
        }
    }

    async fn close(self: Box<Self>) {
        self.link.close().await;
    }
}

/// Rows from their texts.
fn rows(texts: &[Option<String>]) -> Result<Vec<Row>, ReadError> {
    if texts.len() > MOST_ROWS {
        return Err(ReadError::Refused(format!(
            "the query gives more than {MOST_ROWS} rows; count or aggregate them in it, or add a LIMIT"
        )));
    }
    if texts.iter().flatten().map(String::len).sum::<usize>() > MOST_BYTES {
        return Err(ReadError::Refused(format!(
            "the query gives more than {} KiB; select fewer columns, or aggregate",
            MOST_BYTES / 1024
        )));
    }
    let read = |text: &Option<String>| match text {
        Some(text) => serde_json::from_str(text).map(|RowText(row)| row).map_err(|_| {
            ReadError::Refused("the query gives a number that is out of range; round or cast it".to_owned())
        }),
        None => Ok(Row::default()),
    };
    texts.iter().map(read).collect()
}

/// A row as the server writes it: its columns in their order.
struct RowText(Row);

impl<'de> Deserialize<'de> for RowText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Columns;
        impl<'de> Visitor<'de> for Columns {
            type Value = RowText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<RowText, A::Error> {
                let mut first = None;
                let mut columns = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    first.get_or_insert_with(|| value.clone());
                    columns.insert(name, value);
                }
                Ok(RowText(Row { first: first.unwrap_or_default(), columns }))
            }
        }
        deserializer.deserialize_map(Columns)
    }
}

/// The one in the middle; of two the longer one.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_column_is_the_first_whatever_it_is_called() {
        let texts = [Some(r#"{"zebra":1.5,"apple":"x"}"#.to_owned()), Some("{}".to_owned())];
        let rows = rows(&texts).unwrap();
        assert_eq!(rows[0].first, json!(1.5));
        assert_eq!(rows[0].columns.get("apple"), Some(&json!("x")));
        assert_eq!(rows[1], Row::default());
    }

    #[test]
    fn too_many_rows_and_too_much_text_are_refused_with_the_cure() {
        let many = vec![Some("{}".to_owned()); MOST_ROWS + 1];
        assert!(rows(&many).unwrap_err().to_string().contains("more than 100 rows"));
        let long = [Some("x".repeat(MOST_BYTES)), Some("y".to_owned())];
        assert!(rows(&long).unwrap_err().to_string().contains("more than 64 KiB"));
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let times = |millis: &[u64]| median(millis.iter().copied().map(Duration::from_millis).collect());
        assert_eq!(times(&[9, 1, 5]), Duration::from_millis(5));
        assert_eq!(times(&[7]), Duration::from_millis(7));
        assert_eq!(times(&[4, 2]), Duration::from_millis(4));
        assert_eq!(times(&[]), Duration::ZERO);
    }
}

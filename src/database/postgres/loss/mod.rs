//! The data-loss guard: which rows, written since a version was applied, its way down would destroy.
//!
//! Reading only, each question in a transaction of its own that is bounded in time. Where something cannot be told it
//! counts as a loss, unless there are no rows at all. It must never show a value: names and numbers only.

mod block;
mod names;
mod origin;
pub(super) mod read;
mod statements;

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::database::{DatabaseError, Loss, RowsAtRisk};
use crate::plan::{Action, Step};

use super::connect::{Connector, Link};
use super::failure::{SqlError, lost, name};
use super::quote::{ident, text};
use super::recognise::Name;
use super::record::key;
use super::sqlstate::QUERY_CANCELED;
use super::statements::Sql;

use origin::{Applied, LedgerRow, Origins};
use read::{Destruction, Reader, Target};

/// How long all counting together may take. What is not counted by then cannot be told.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long counting in one table may take.
const STATEMENT: Duration = Duration::from_secs(8);

/// A table, as the catalog knows it.
#[derive(Debug, Clone, Deserialize)]
struct Table {
    schema: String,
    name: String,
    kind: String,
    created: Option<u32>,
    readable: bool,
    filtered: bool,
    holds_rows: bool,
}

impl Table {
    fn quoted(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// Why its rows cannot be counted.
    fn hidden(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "r" | "p" if !self.readable => Some("this role may not read it (SELECT)"),
            "r" | "p" if self.filtered => Some("row-level security hides rows from this role"),
            "r" | "p" => None,
            _ => Some("its rows are not this database's own to count"),
        }
    }
}

/// A column, as the catalog knows it.
#[derive(Debug, Clone, Deserialize)]
struct Column {
    table: Table,
    name: String,
    created: u32,
    generated: bool,
    r#type: String,
    /// Its default, where that is the same for each row.
    default: Option<String>,
    /// What rows that were there before it show in it, as the text of an array of one: nobody wrote that.
    missing: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    oid: Option<i64>,
}

#[derive(Deserialize)]
struct Counted {
    rows: u64,
}

/// What to count in a table.
struct Question<'a> {
    object: String,
    table: &'a Table,
    /// The transaction that created what goes: the table or the column.
    created: Option<u32>,
    only: bool,
    alias: &'a str,
    /// Besides being written since.
    condition: Option<String>,
    /// The condition is a user's, and is read with this `search_path`.
    path: Option<&'a str>,
    users: bool,
}

/// What the ways down among the steps would destroy.
pub(super) async fn losses(connector: &Connector, sql: &Sql, steps: &[Step]) -> Result<Vec<Loss>, DatabaseError> {
    let mut reader = Reader::default();
    let mut all = Vec::new();
    for step in steps {
        let Action::Revert { down } = &step.action else { continue };
        let found: Vec<Destruction> = down.statements.iter().flat_map(|one| reader.read(one)).collect();
        reader.script_ends();
        all.push((step, down.file.as_str(), found));
    }
    if all.iter().all(|(_, _, found)| found.is_empty()) {
        return Ok(Vec::new());
    }
    let mut link = connector.connect("sluice/look", "").await?;
    let keys: Vec<String> = all.iter().map(|(step, _, _)| key(step)).collect();
    let rows: HashMap<String, LedgerRow> = link
        .look(&statements::origins(&sql.schema, keys.iter().map(String::as_str)))
        .await
        .map_err(|error| link.ledger_error(&connector.credentials.user, &error))?;
    let origins = Origins::new(rows);
    let mut guard = Guard { link, until: Instant::now() + PATIENCE };
    let mut losses: Vec<Loss> = Vec::new();
    for (step, file, found) in all {
        let applied = origins.applied(&key(step));
        for destruction in found {
            for (object, rows) in guard.examine(&destruction, &applied).await? {
                let label = step.label();
                if !losses.iter().any(|loss| loss.label == label && loss.object == object) {
                    losses.push(Loss { label, file: file.to_owned(), line: destruction.line, object, rows });
                }
            }
        }
    }
    guard.link.close().await;
    Ok(losses)
}

struct Guard {
    link: Link,
    until: Instant,
}

impl Guard {
    async fn examine(
        &mut self,
        destruction: &Destruction,
        applied: &Applied,
    ) -> Result<Vec<(String, RowsAtRisk)>, DatabaseError> {
        let path = destruction.path.as_deref();
        match &destruction.target {
            Target::Unclear(what) => {
                Ok(vec![((*what).to_owned(), RowsAtRisk::Unknown("what it changes cannot be told".to_owned()))])
            }
            Target::Table(table) => {
                let Some(oid) = self.find(table, path).await? else { return Ok(Vec::new()) };
                // A view or a foreign table holds no rows that a DROP takes away.
                let which = format!("c.oid = {oid} and c.relkind in ('r', 'p')");
                self.whole(&statements::tables(&which), false, applied).await
            }
            Target::Truncated { table, only, cascade } => {
                let Some(oid) = self.find(table, path).await? else { return Ok(Vec::new()) };
                let tables =
                    if *cascade { statements::truncated(oid) } else { statements::tables(&format!("c.oid = {oid}")) };
                self.whole(&tables, *only, applied).await
            }
            Target::Schema(schema) => {
                let tables = statements::tables(&statements::of_schema(schema));
                self.whole(&tables, false, applied).await
            }
            Target::Type(data_type) => {
                let found: Found = self.ask(path, &statements::data_type(&data_type.quoted())).await?;
                let Some(oid) = found.oid else { return Ok(Vec::new()) };
                self.columns(&statements::of_type(oid), None, applied).await
            }
            Target::Column { table, column } => {
                let Some(oid) = self.find(table, path).await? else { return Ok(Vec::new()) };
                self.columns(&format!("c.oid = {oid} and a.attname = {}", text(column)), None, applied).await
            }
            Target::Retyped { table, column, to, using } => {
                let Some(oid) = self.find(table, path).await? else { return Ok(Vec::new()) };
                let value = using.clone().unwrap_or_else(|| ident(column));
                let conversion = Conversion { to: to.as_ref().map(|to| format!("({value}\n)::{to}")), path };
                let which = format!("c.oid = {oid} and a.attname = {}", text(column));
                self.columns(&which, Some(&conversion), applied).await
            }
            Target::Rows { table, only, alias, condition } => {
                let Some(oid) = self.find(table, path).await? else { return Ok(Vec::new()) };
                let tables: Vec<Table> = self.look(&statements::tables(&format!("c.oid = {oid}"))).await?;
                let mut losses = Vec::new();
                for found in &tables {
                    let mut question = Question {
                        object: format!("table {}.{}", found.schema, found.name),
                        table: found,
                        created: found.created,
                        only: *only,
                        alias: alias.as_deref().unwrap_or_else(|| table.last()),
                        condition: condition.as_ref().map(|condition| format!("({condition}\n)")),
                        path,
                        users: condition.is_some(),
                    };
                    let mut loss = self.count(&question, applied).await?;
                    if question.users && matches!(loss, Some(RowsAtRisk::Unknown(_))) {
                        // An earlier statement may have changed what the condition speaks of: then all rows count.
                        (question.condition, question.users) = (None, false);
                        loss = self.count(&question, applied).await?;
                    }
                    losses.extend(loss.map(|rows| (question.object, rows)));
                }
                Ok(losses)
            }
        }
    }

    /// Tables that are emptied or go.
    async fn whole(
        &mut self,
        tables: &str,
        only: bool,
        applied: &Applied,
    ) -> Result<Vec<(String, RowsAtRisk)>, DatabaseError> {
        let tables: Vec<Table> = self.look(tables).await?;
        let mut losses = Vec::new();
        for table in &tables {
            let object = format!("table {}.{}", table.schema, table.name);
            let created = table.created;
            let question =
                Question { object, table, created, only, alias: "t", condition: None, path: None, users: false };
            let loss = self.count(&question, applied).await?;
            losses.extend(loss.map(|rows| (question.object, rows)));
        }
        Ok(losses)
    }

    /// Columns that go, or whose values are converted.
    async fn columns(
        &mut self,
        which: &str,
        conversion: Option<&Conversion<'_>>,
        applied: &Applied,
    ) -> Result<Vec<(String, RowsAtRisk)>, DatabaseError> {
        let columns: Vec<Column> = self.look(&statements::columns(which)).await?;
        let mut losses = Vec::new();
        // What is generated can be generated again.
        for column in columns.iter().filter(|column| !column.generated) {
            let value = format!("{}.{}", ident(&column.table.name), ident(&column.name));
            let mut condition = format!("{value} is not null");
            if let Some(default) = &column.default {
                // As text: not every type can be compared.
                let default = format!("(({default})::{})::text", column.r#type);
                condition.push_str(&format!(" and {value}::text is distinct from {default}"));
            }
            if let Some(missing) = &column.missing {
                condition.push_str(&format!(" and array[{value}]::text is distinct from {}", text(missing)));
            }
            let mut question = Question {
                object: format!("column {}.{}.{}", column.table.schema, column.table.name, column.name),
                table: &column.table,
                created: Some(column.created),
                only: false,
                alias: &column.table.name,
                condition: Some(condition),
                path: None,
                users: false,
            };
            let mut loss = None;
            if let Some(Conversion { to: Some(converted), path }) = conversion {
                // A value is lost that does not come back from the other type as it was.
                let back = format!("({converted})::{}", column.r#type);
                let kept = question
                    .condition
                    .replace(format!("{value} is not null and ({back})::text is distinct from {value}::text"));
                (question.path, question.users) = (*path, true);
                loss = self.count(&question, applied).await?;
                (question.condition, question.path, question.users) = (kept, None, false);
            }
            if conversion.is_none_or(|conversion| conversion.to.is_none())
                || matches!(loss, Some(RowsAtRisk::Unknown(_)))
            {
                loss = self.count(&question, applied).await?;
            }
            losses.extend(loss.map(|rows| (question.object, rows)));
        }
        Ok(losses)
    }

    /// Counts; `None` for no rows.
    async fn count(&mut self, question: &Question<'_>, applied: &Applied) -> Result<Option<RowsAtRisk>, DatabaseError> {
        let table = question.table;
        let unknown = |why: String| table.holds_rows.then_some(RowsAtRisk::Unknown(why));
        if let Some(why) = table.hidden() {
            // How large something foreign is cannot be told either.
            let foreign = !matches!(table.kind.as_str(), "r" | "p");
            return Ok(if foreign { Some(RowsAtRisk::Unknown(why.to_owned())) } else { unknown(why.to_owned()) });
        }
        if Instant::now() >= self.until {
            return Ok(unknown(format!("counting all rows takes longer than {} s", PATIENCE.as_secs())));
        }
        let mut conditions = vec![applied.since(&ident(question.alias), table.created, question.created)];
        conditions.extend(question.condition.clone());
        let sql = statements::count(&table.quoted(), question.only, question.alias, &conditions);
        let counted = if question.users {
            self.try_ask::<Counted>(question.path, &sql).await
        } else {
            self.link.look::<Counted>(&sql).await
        };
        match (counted, &applied.when) {
            (Ok(Counted { rows: 0 }), _) => Ok(None),
            (Ok(Counted { rows }), Ok(_)) => Ok(Some(RowsAtRisk::Written(rows))),
            (Ok(_), Err(why)) => Ok(Some(RowsAtRisk::Unknown(why.clone()))),
            (Err(SqlError::Lost(why)), _) => Err(lost(&self.link.address, &why)),
            (Err(SqlError::Server(error)), _) if error.code == QUERY_CANCELED => {
                Ok(unknown(format!("counting them takes longer than {} s", STATEMENT.as_secs())))
            }
            (Err(SqlError::Server(error)), _) => Ok(unknown(format!("they cannot be counted: {}", name(&error.code)))),
        }
    }

    async fn find(&mut self, table: &Name, path: Option<&str>) -> Result<Option<i64>, DatabaseError> {
        let found: Found = self.ask(path, &statements::relation(&table.quoted())).await?;
        Ok(found.oid)
    }

    async fn look<T: DeserializeOwned>(&mut self, sql: &str) -> Result<T, DatabaseError> {
        self.link.look(sql).await.map_err(|error| self.refused(&error))
    }

    async fn ask<T: DeserializeOwned>(&mut self, path: Option<&str>, sql: &str) -> Result<T, DatabaseError> {
        self.try_ask(path, sql).await.map_err(|error| self.refused(&error))
    }

    /// Asks with the session's own `search_path`, or the one given, and without a chance to change anything.
    async fn try_ask<T: DeserializeOwned>(&mut self, path: Option<&str>, sql: &str) -> Result<T, SqlError> {
        let path = path.map(|path| format!("set local search_path to {path};")).unwrap_or_default();
        let begin = format!(
            "begin read only; set local statement_timeout = '{} s'; set local lock_timeout = '2 s'; {path}",
            STATEMENT.as_secs()
        );
        let result = self.link.json(&format!("{begin} {sql}; rollback")).await;
        if matches!(result, Err(SqlError::Server(_))) {
            self.link.run("rollback").await?;
        }
        result
    }

    fn refused(&self, error: &SqlError) -> DatabaseError {
        let address = &self.link.address;
        match error {
            SqlError::Lost(why) => lost(address, why),
            SqlError::Server(error) => DatabaseError::Unreachable(format!(
                "{address} does not tell for now what a way down would destroy: {}",
                name(&error.code)
            )),
        }
    }
}

/// How a column's values are converted.
struct Conversion<'a> {
    /// The converted value; `None` where it cannot be tried.
    to: Option<String>,
    path: Option<&'a str>,
}

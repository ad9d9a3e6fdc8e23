//! After a statement: of a copy only what the statement took away is kept, with what it made of it.

use serde::Deserialize;

use super::super::failure::{Place, SqlError};
use super::super::quote::{optional, text};
use super::super::session::PostgresSession;
use super::super::settings::ourselves;
use super::super::sqlstate::{Retry, retry};
use super::super::supervise::{Ended, Run, supervised};
use super::super::unit::Attempt;
use super::copy::{Noted, Taken};
use super::facts::Column;
use super::items::Word;
use super::refused;
use super::restore::{changed, missing, numbered, row};
use super::statements::{counted, quoted};

/// Rows in the two tables of a copy.
#[derive(Deserialize)]
struct Left {
    copy: u64,
    after: u64,
}

impl PostgresSession {
    /// Settles the copies that were made before a statement that affected so many rows.
    pub(in super::super) async fn settle_copies(
        &mut self,
        taken: Vec<Taken>,
        affected: u64,
        place: &Place<'_>,
        run: Run<'_>,
        noted: &mut Noted,
    ) -> Result<(), Attempt> {
        for one in taken {
            self.savepoint(place).await?;
            let text = format!("{} {}", ourselves(self.other_role.as_deref()), one.compare());
            match supervised(&mut self.link, &mut self.side, run, &text, None).await {
                Ended::Done(_) => self.keep(&one, affected, place, run, noted).await?,
                Ended::Failed(SqlError::Server(error)) if retry(&error.code) != Retry::Soon => {
                    self.back_to_savepoint(false, place).await?;
                    let why = format!("what the statement changed cannot be told: {}", refused(&error));
                    noted.record.push_str(&one.note(&self.sql.schema, &why));
                    noted.told.push(format!("{}: copied, but {why}", one.object));
                }
                ended @ (Ended::Failed(_) | Ended::Cancelled(_)) => {
                    self.conclude(ended, place).await?;
                }
            }
        }
        Ok(())
    }

    /// Completes the entry of a copy, or drops what holds nothing.
    async fn keep(
        &mut self,
        one: &Taken,
        affected: u64,
        place: &Place<'_>,
        run: Run<'_>,
        noted: &mut Noted,
    ) -> Result<(), Attempt> {
        let left: Left = self.asked(&one.left(), place).await?;
        let (end, notes) = one.complete(&self.sql.schema, &left, affected);
        noted.told.extend(notes.iter().map(|note| format!("{}: {note}", one.object)));
        let end = format!("{end} {} release savepoint sluice_undo", one.guise.back());
        let ended = supervised(&mut self.link, &mut self.side, run, &end, None).await;
        self.conclude(ended, place).await.map(|_| ())
    }
}

impl Taken {
    /// The table with what became of the rows.
    fn after(&self) -> String {
        format!("{}_after", self.copy)
    }

    /// Whether rows may have been changed in a way that can be told.
    fn compares(&self) -> bool {
        let (_, by_key) = self.table.key(&[]);
        by_key && (self.word != Word::Delete || self.table.reached)
    }

    /// Notes down the rows as the statement left them, and forgets those that it left alone.
    fn compare(&self) -> String {
        let (copy, table) = (quoted(&self.copy), format!("{}{}", self.table.only(), self.table.quoted()));
        let stored: Vec<&Column> = self.table.stored().collect();
        let (key, by_key) = self.table.key(&[]);
        if !by_key {
            return format!(
                "delete from {copy} where ctid in (select c.at from ({}) as c join ({}) as p using (sluice_row, sluice_number));",
                numbered(&stored, &copy, "t.ctid as at"),
                numbered(&stored, &table, "1 as one"),
            );
        }
        let same_row = format!("{} = {}", row(&key, "t"), row(&key, "c"));
        let (now, before) = (row(&stored, "t"), row(&stored, "c"));
        let mut sql = String::new();
        if self.compares() {
            let columns: Vec<String> = stored.iter().map(|column| column.copied("t")).collect();
            sql = format!(
                "create table {} as select {} from {table} as t join {copy} as c on {same_row} where {now} <> {before};",
                quoted(&self.after()),
                columns.join(", ")
            );
        }
        format!("{sql} delete from {copy} as c using {table} as t where {same_row} and {now} = {before};")
    }

    fn left(&self) -> String {
        let count = |table: String| format!("(select pg_catalog.count(*) from {table})");
        let after = if self.compares() { count(quoted(&self.after())) } else { "0".to_owned() };
        format!("select pg_catalog.json_build_object('copy', {}, 'after', {after})::text", count(quoted(&self.copy)))
    }

    fn note(&self, ledger: &str, why: &str) -> String {
        format!("update {ledger}.migration_undo set note = {} where copy = {};", text(why), text(&self.copy))
    }

    /// The end of the entry, and what is to be told.
    fn complete(&self, ledger: &str, left: &Left, affected: u64) -> (String, Vec<String>) {
        let (copy, after, name) = (quoted(&self.copy), quoted(&self.after()), text(&self.copy));
        let drop_after =
            if self.compares() && left.after == 0 { format!("drop table {after};") } else { String::new() };
        if left.copy == 0 {
            let forget = format!("drop table {copy}; delete from {ledger}.migration_undo where copy = {name};");
            return (drop_after + &forget, Vec::new());
        }
        let after = (left.after > 0).then_some(after.as_str());
        let mut restore: Vec<String> = Vec::new();
        // Without a key a changed row cannot be told from a deleted one.
        if self.compares() || self.word == Word::Delete && !self.table.reached {
            restore.extend(after.and_then(|after| changed(&self.table, &copy, after)));
            if self.word != Word::Update {
                restore.push(missing(&self.table, &copy, after));
            }
        }
        let mut notes = Vec::new();
        if restore.is_empty() {
            notes.push(
                "copied, but without a key its rows cannot be told apart: only a person can restore them".to_owned(),
            );
        }
        if let Some(copied) = self.by_condition.filter(|copied| affected > *copied) {
            notes.push(format!("{} more rows were written in between and are not in the copy", affected - copied));
        }
        let sql = format!(
            "{drop_after} update {ledger}.migration_undo set (rows, bytes, hash) = (select {}), after = {}, restore_sql = {}, note = {}
                where copy = {name};",
            counted(&copy),
            optional(after.map(|_| self.after()).as_deref()),
            optional((!restore.is_empty()).then(|| restore.join(";\n")).as_deref()),
            optional((!notes.is_empty()).then(|| notes.join("; ")).as_deref()),
        );
        (sql, notes)
    }
}

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
use super::facts::{Column, Table};
use super::items::{Room, Word};
use super::look::by_oid;
use super::restore::{changed, missing, numbered, numbered_by, row, row_now};
use super::statements::{bytes, hash, quoted};
use super::{FORMATS, as_ourselves, refused};

/// Rows in the two tables of a copy.
#[derive(Deserialize)]
struct Left {
    copy: u64,
    after: u64,
    /// What the second one takes.
    bytes: u64,
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
        for mut one in taken {
            if one.word == Word::Other {
                // A block may have altered or dropped what it changed before.
                let look = format!("select {}::text", by_oid(one.table.oid));
                let left: Vec<Table> = self.asked(&look, place).await?;
                one.now = left.into_iter().next().map(|now| now.left_of(&one.table));
            }
            self.savepoint(place).await?;
            let text = format!("{} {FORMATS} {}", ourselves(self.other_role.as_deref()), one.compare());
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
        let others = self.copied.saturating_sub(one.bytes);
        if let Some(limits) = self.settings.undo.filter(|limits| self.copied + left.bytes > limits.max_total_bytes) {
            self.back_to_savepoint(true, place).await?;
            let over = Room::of(&limits, others).over;
            let why = format!("{} bytes, with the rows as they became, are {over}", one.bytes + left.bytes);
            let (us, forget) = (as_ourselves(self.other_role.as_deref()), one.forget(&self.sql.schema, &why));
            self.aside(&format!("{us} {forget} {} release savepoint sluice_undo", one.guise.back()), place).await?;
            noted.told.push(format!("{}: not copied, {why}", one.object));
            self.copied = others;
            return Ok(());
        }
        self.copied = if left.copy == 0 { others } else { self.copied + left.bytes };
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
        self.now.as_ref().is_some_and(|now| now.key(&[]).1)
            && (self.word != Word::Delete || self.table.again || self.table.intercepted || self.table.rules)
    }

    /// Notes down the rows as the statement left them, and forgets those that it left alone.
    fn compare(&self) -> String {
        let copy = quoted(&self.copy);
        // All of its rows went with it.
        let Some(now) = &self.now else { return String::new() };
        let table = format!("{}{}", now.only(), now.quoted());
        let stored: Vec<&Column> = now.stored().collect();
        let (key, by_key) = now.key(&[]);
        if !by_key {
            return format!(
                "delete from {copy} where ctid in (select c.at from ({}) as c join ({}) as p using (sluice_row, sluice_number));",
                numbered(&stored, &copy, "t.ctid as at"),
                numbered_by(&row_now(&stored, "t"), &table, "1 as one"),
            );
        }
        let same_row = format!("{} = {}", row_now(&key, "t"), row(&key, "c"));
        let (now, before) = (row_now(&stored, "t"), row(&stored, "c"));
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
        let count = |table: &str| format!("(select pg_catalog.count(*) from {table})");
        let after = quoted(&self.after());
        let (after, size) = if self.compares() {
            let rows = count(&after);
            (rows.clone(), format!("case when {rows} > 0 then {} else 0 end", bytes(&after)))
        } else {
            ("0".to_owned(), "0".to_owned())
        };
        let copy = count(&quoted(&self.copy));
        format!("select pg_catalog.json_build_object('copy', {copy}, 'after', {after}, 'bytes', {size})::text")
    }

    /// Takes the copy back: why.
    fn forget(&self, ledger: &str, why: &str) -> String {
        format!(
            "drop table {}; update {ledger}.migration_undo set copy = null, rows = null, bytes = null, note = {} where copy = {};",
            quoted(&self.copy),
            text(why),
            text(&self.copy)
        )
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
        if self.compares() || self.word == Word::Delete && !self.table.again {
            restore.extend(after.and_then(|after| changed(&self.table, &copy, after)));
            if self.word != Word::Update {
                restore.push(missing(&self.table, &copy, after));
            }
        }
        let mut notes = Vec::new();
        let rekeyed = left.copy.saturating_sub(left.after);
        if self.compares() && self.word == Word::Update && rekeyed > 0 {
            notes.push(format!(
                "the key of {rekeyed} rows was changed: they are copied, but only a person can tell which is which now and set them back"
            ));
        } else if restore.is_empty() {
            notes.push(
                "copied, but without a key its rows cannot be told apart: only a person can restore them".to_owned(),
            );
        }
        if let Some(copied) = self.by_condition.filter(|copied| affected > *copied) {
            notes.push(format!("{} more rows were written in between and are not in the copy", affected - copied));
        }
        let sql = format!(
            "{drop_after} update {ledger}.migration_undo set rows = {}, bytes = {}{}, hash = {}, after = {}, restore_sql = {}, note = {}
                where copy = {name};",
            left.copy,
            bytes(&copy),
            after.map(|after| format!(" + {}", bytes(after))).unwrap_or_default(),
            hash(&copy),
            optional(after.map(|_| self.after()).as_deref()),
            optional((!restore.is_empty()).then(|| restore.join(";\n")).as_deref()),
            optional((!notes.is_empty()).then(|| notes.join("; ")).as_deref()),
        );
        (sql, notes)
    }
}

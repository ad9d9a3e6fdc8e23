//! A copy as the ledger knows it, and what can be said of it: pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::database::UndoRestored;
use crate::migration::Statement;

use super::super::loss::read::{Reader, Target};
use super::super::quote::ident;
use super::facts::{Column, Table};
use super::restore;
use super::statements::quoted;

/// Of rows `t` those that this transaction wrote.
const JUST_NOW: &str = " and pg_catalog.age(t.xmin) <= pg_catalog.age(pg_catalog.pg_current_xact_id()::pg_catalog.xid)";

/// A copy, as the ledger knows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Kept {
    pub id: i64,
    pub object: String,
    pub what: String,
    pub column: Option<String>,
    pub copy: Option<String>,
    rows: Option<u64>,
    /// How many of them a statement of the way down put back already.
    back: Option<u64>,
    pub hash: Option<String>,
    after: Option<String>,
    pub gone: bool,
    pub sequences: BTreeMap<String, i64>,
    pub restore_sql: Option<String>,
    note: Option<String>,
    pub dropped: bool,
    pub restored: bool,
    pub there: bool,
    /// The columns of the copy.
    columns: Vec<String>,
    /// The type in which the copy has its column.
    held_as: Option<String>,
    pub now: Option<Now>,
    /// Columns of its rows that older copies have, which went, or were converted, before the rows did: those copies.
    #[serde(skip)]
    with: BTreeMap<String, String>,
    /// Columns that older copies bring back: in its rows they are what the script made of them before.
    #[serde(skip)]
    others: Vec<String>,
    /// The way down puts rows of its own into the table, and none that are kept elsewhere.
    #[serde(skip)]
    guessed: bool,
    /// What is known of its table now: one or none.
    table: Vec<Table>,
}

/// What a table and a column are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Now {
    pub oid: i64,
    pub column: Option<String>,
}

impl Kept {
    /// The statement that restores it in its table as that is now: what the script added to it and its way down took away
    /// again is in the copy and has nowhere to go.
    pub fn restoration(&self) -> String {
        self.fitting().or_else(|| self.restore_sql.clone()).unwrap_or_default()
    }

    fn fitting(&self) -> Option<String> {
        let copy = quoted(self.copy.as_ref()?);
        let table = self.table.first()?.clone().limited_to(&self.columns);
        if let Some(name) = &self.column {
            let column = table.stored().find(|column| column.name == *name)?;
            let all = restore::column(&table, column, std::slice::from_ref(name), &copy);
            // What others wrote since it was restored is theirs; what this transaction wrote is not.
            return Some(if self.restored { all + JUST_NOW } else { all });
        }
        let after = self.after.as_deref().map(quoted);
        let changed =
            after.as_deref().and_then(|after| restore::changed(&table.clone().without(&self.others), &copy, after));
        let completed = self.completed(&table, &copy);
        let (whole, from) = completed.as_ref().map_or((&table, &copy), |(whole, from)| (whole, from));
        let after = after.as_deref().filter(|_| completed.is_none());
        let missing = self.gone.then(|| restore::missing(whole, from, after));
        let guessed = (self.what == "table" && self.guessed).then(|| restore::guessed(whole, from)).flatten();
        let guessed = guessed.map(|guessed| guessed + JUST_NOW);
        let all: Vec<String> = changed.into_iter().chain(guessed).chain(missing).collect();
        (!all.is_empty() && table.stored().next().is_some()).then(|| all.join(";\n"))
    }

    /// The rows of the copy as they were before columns of them went: what is restored of the table, and from where. `table` is
    /// what the copy alone can restore.
    fn completed(&self, table: &Table, copy: &str) -> Option<(Table, String)> {
        let (key, one) = table.key(&[]);
        if self.with.is_empty() || !one || key.iter().any(|column| self.with.contains_key(&column.name)) {
            return None;
        }
        let own =
            self.columns.iter().filter(|name| !self.with.contains_key(*name)).map(|name| format!("c.{}", ident(name)));
        let (mut values, mut from) = (own.collect::<Vec<_>>(), format!("{copy} as c"));
        for (at, (name, other)) in self.with.iter().enumerate() {
            let alias = format!("k{at}");
            values.push(format!("{alias}.{}", ident(name)));
            let same = format!("{} = {}", restore::row(&key, &alias), restore::row(&key, "c"));
            from.push_str(&format!(" left join {} as {alias} on {same}", quoted(other)));
        }
        let columns: Vec<String> = self.columns.iter().chain(self.with.keys()).cloned().collect();
        let whole = self.table.first()?.clone().limited_to(&columns);
        Some((whole, format!("(select {} from {from})", values.join(", "))))
    }

    /// Whether each column of the copy has its place in the table.
    pub fn has_room(&self) -> bool {
        let table = self.table.first();
        table.is_some_and(|table| self.columns.iter().all(|name| table.stored().any(|column| column.name == *name)))
    }

    /// Whether both are about one table.
    pub fn is_of_the_table_of(&self, other: &Self) -> bool {
        self.now.as_ref().zip(other.now.as_ref()).is_some_and(|(one, other)| one.oid == other.oid)
    }

    /// What came back in all, where some of it had done so before.
    pub fn with_those_before(&self, now: UndoRestored) -> UndoRestored {
        match self.back {
            Some(back) => self.came_back(self.rows.map_or(back, |rows| rows.min(back + now.rows))),
            None => now,
        }
    }

    /// Whether a way down re-created what went, and there is a place for all of it.
    pub fn is_back(&self, before: Option<&Now>) -> bool {
        self.now.is_some()
            && self.not_recreated(before).is_none()
            && match self.what.as_str() {
                "table" => self.has_room(),
                "column" => self.column_now().is_some_and(|column| column.holds(self.held_as.as_deref())),
                _ => false,
            }
    }

    fn column_now(&self) -> Option<&Column> {
        self.table.first()?.columns.iter().find(|column| Some(&column.name) == self.column.as_ref())
    }

    /// Whether a statement may have set the column.
    pub fn is_guessed_at(&self, one: &Statement) -> bool {
        let (Some(table), Some(column)) = (self.table.first(), &self.column) else { return false };
        let writes = |target: &Target| matches!(target, Target::Rows { table: name, .. } if name.last() == table.name);
        let text = one.text.replace("\"\"", "\"").to_lowercase();
        text.contains(&column.to_lowercase()) && Reader::default().read(one).iter().any(|found| writes(&found.target))
    }

    /// Tells it what the way down does.
    pub fn with_script(&mut self, statements: &[Statement]) {
        let filled: Vec<String> =
            statements.iter().filter(|one| self.is_filled_by(one)).map(|one| one.text.to_lowercase()).collect();
        let any = |word: &str| filled.iter().any(|text| text.contains(word));
        self.guessed = any("values") && !any("select");
    }

    /// Whether a statement may put rows into the table.
    pub fn is_filled_by(&self, one: &Statement) -> bool {
        let text = one.text.to_lowercase();
        self.table.first().is_some_and(|table| text.contains("insert") && text.contains(&table.name.to_lowercase()))
    }

    /// How a person can restore it later.
    pub fn cure(&self) -> String {
        if self.copy.is_some() && self.there {
            format!("; the copy is kept (sluice undo restore {})", self.id)
        } else {
            String::new()
        }
    }

    pub fn came_back(&self, rows: u64) -> UndoRestored {
        let left = self.rows.unwrap_or(rows).saturating_sub(rows);
        UndoRestored { object: self.object.clone(), rows, left }
    }

    /// Why nothing can be put back from it.
    pub fn hopeless(&self) -> String {
        let because = |note: &Option<String>| note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        match (&self.copy, &self.restore_sql) {
            (None, _) => format!("its rows were not copied{}", because(&self.note)),
            (Some(_), _) if self.dropped => "the copy expired and was dropped".to_owned(),
            (Some(copy), _) if !self.there => format!("the copy sluice_undo.{copy} is not there any more"),
            (Some(_), None) => format!("only a person can restore it{}", because(&self.note)),
            (Some(_), Some(_)) => "there is no such table now".to_owned(),
        }
    }

    /// Why a way down left it alone: what it took away was not re-created.
    pub fn not_recreated(&self, before: Option<&Now>) -> Option<String> {
        let now = self.now.as_ref()?;
        let untouched = match self.what.as_str() {
            "rows" => false,
            "table" => before.is_some_and(|before| before.oid == now.oid),
            _ => now.column.is_none() || before == Some(now),
        };
        untouched.then(|| "the way down did not re-create it".to_owned())
    }
}

/// Tells copies of rows which older copies have columns of theirs: the script took those away, or converted them, before it took
/// the rows. `all` is newest first.
pub(super) fn complete(all: &mut [Kept]) {
    let mut newer = all;
    while let Some((kept, older)) = newer.split_first_mut() {
        if kept.what != "column" && kept.gone && kept.after.is_none() {
            let same = older.iter().filter(|other| other.there && other.is_of_the_table_of(kept));
            // The oldest has what was there before the script.
            kept.with = same.filter_map(|other| Some((other.column.clone()?, other.copy.clone()?))).collect();
        }
        if kept.after.is_some() {
            let same = older.iter().filter(|other| other.there && other.is_of_the_table_of(kept));
            kept.others = same.filter_map(|other| other.column.clone()).collect();
        }
        newer = older;
    }
}

//! What of a statement is copied, and how: pure.

use crate::database::UndoLimits;
use crate::migration::Statement;

use super::super::loss::read::{Reader, Target};
use super::super::quote::ident;
use super::super::recognise::Name;
use super::super::tokens::Tokens;
use super::facts::{Column, Table};
use super::look::{Reach, of, of_types_of};
use super::restore;

/// What a row costs on disk beside its values.
const ROW_OVERHEAD: u64 = 28;

/// What kind of change a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Delete,
    Update,
    Other,
}

impl Word {
    pub fn of(statement: &Statement) -> Self {
        let tokens = Tokens::of(&statement.text);
        let does = |word: &str| tokens.contains(&[word]);
        if tokens.sees("DELETE") {
            Self::Delete
        } else if tokens.sees("UPDATE") {
            Self::Update
        } else if tokens.sees("WITH") && !does("MERGE") && does("DELETE") != does("UPDATE") {
            if does("DELETE") { Self::Delete } else { Self::Update }
        } else {
            Self::Other
        }
    }
}

/// What the statement does to the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// The table goes.
    Table,
    /// The table is emptied.
    Emptied,
    /// This column goes or is converted, together with these, itself included.
    Column(Column, Vec<String>),
    /// Rows are deleted or changed: those that satisfy a condition, under this alias, or whichever.
    Rows(Option<(String, String)>),
}

/// One thing to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub table: Table,
    pub what: What,
}

/// What a statement takes away.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// Each with the `search_path` that the script set before and the query that finds its tables.
    pub known: Vec<(Target, Option<String>, String)>,
    /// What may take away anything: `DO`.
    pub unclear: Vec<&'static str>,
    /// The functions that a SELECT calls, which may do so, too.
    pub calls: Vec<Name>,
    /// The functions that a condition may call, of which two looks may see different rows.
    pub asked: Vec<Name>,
}

impl Targets {
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unclear.is_empty() && self.calls.is_empty()
    }
}

/// Why whatever a statement hides is not copied.
pub(super) const UNTOLD: &str = "what it does cannot be told beforehand";

/// Why nothing is copied of what a statement takes away that may commit in its midst.
pub(super) const ALONE: &str = "it runs outside of any transaction that a copy could be part of";

/// What a statement takes away.
pub(super) fn targets(reader: &mut Reader, statement: &Statement) -> Targets {
    let word = Word::of(statement);
    let called = called(statement);
    let selects = Tokens::of(&statement.text).sees("SELECT");
    let (calls, asked) = if selects { (called, Vec::new()) } else { (Vec::new(), called) };
    let mut targets = Targets { calls, asked, ..Targets::default() };
    for found in reader.read(statement) {
        let reach = match (&found.target, word) {
            (Target::Truncated { cascade: true, .. }, _) => Reach::References,
            (Target::Rows { .. }, Word::Delete) => Reach::OnDelete,
            (Target::Rows { .. }, Word::Update) => Reach::OnUpdate,
            (Target::Rows { .. }, Word::Other) => Reach::OnBoth,
            _ => Reach::Children,
        };
        if let Target::Schema(schema) = &found.target {
            let types = Target::Type(Name(vec![schema.clone()]));
            targets.known.push((types, found.path.clone(), of_types_of(schema)));
        }
        match (of(&found.target, reach), found.target) {
            (_, Target::Unclear(what)) => targets.unclear.push(what),
            (Some(query), target) => targets.known.push((target, found.path, query)),
            (None, _) => {}
        }
    }
    targets
}

/// The functions that a statement about rows calls.
fn called(statement: &Statement) -> Vec<Name> {
    let mut rest = Tokens::of(&statement.text);
    let mut calls = Vec::new();
    if !["SELECT", "DELETE", "UPDATE"].iter().any(|word| rest.sees(word)) {
        return calls;
    }
    while rest.peek().is_some() {
        match rest.name() {
            Some(name) if rest.sees("(") => calls.push(name),
            Some(_) => {}
            None => {
                rest.next();
            }
        }
    }
    calls
}

/// What of a target is copied, from the tables that were found for it. `steady`: its condition sees the same rows twice.
pub(super) fn items(target: &Target, tables: Vec<Table>, steady: bool) -> Vec<Item> {
    let mut items = Vec::new();
    for table in tables {
        match target {
            Target::Table(_) | Target::Schema(_) => items.push(Item { table, what: What::Table }),
            Target::Truncated { .. } => items.push(Item { table, what: What::Emptied }),
            Target::Column { .. } | Target::Retyped { .. } | Target::Type(_) => {
                let same = |column: &Column| match target {
                    Target::Retyped { to: Some(to), using: None, .. } => column.widens_to(to),
                    _ => false,
                };
                let wanted: Vec<Column> =
                    table.stored().filter(|column| column.wanted && !same(column)).cloned().collect();
                let item = |column| Item { table: table.clone(), what: What::Column(column, Vec::new()) };
                items.extend(wanted.into_iter().map(item));
            }
            Target::Rows { table: name, alias, condition, .. } => {
                let alias = alias.clone().unwrap_or_else(|| name.last().to_owned());
                let condition =
                    condition.clone().filter(|_| steady && !table.again).map(|condition| (alias, condition));
                items.push(Item { table, what: What::Rows(condition) });
            }
            Target::Unclear(_) => {}
        }
    }
    items
}

/// Puts together what a statement takes away: nothing twice, and each column knows which others go with it.
pub(super) fn together(all: Vec<Item>) -> Vec<Item> {
    let gone: Vec<(i64, String)> =
        all.iter().filter_map(|item| Some((item.table.oid, item.column()?.name.clone()))).collect();
    let mut items: Vec<Item> = Vec::new();
    for mut item in all {
        if let What::Column(_, with) = &mut item.what {
            *with = gone.iter().filter(|(oid, _)| *oid == item.table.oid).map(|(_, name)| name.clone()).collect();
        }
        if !items.iter().any(|other| other.object() == item.object()) {
            items.push(item);
        }
    }
    items
}

/// The triggers that a change of rows fires and that may change other tables: `public.t`, `tidy`.
pub(super) fn triggers(items: &[Item]) -> Vec<(String, String)> {
    let changed = items.iter().filter(|item| matches!(item.what, What::Rows(_)));
    let each = changed.flat_map(|item| {
        let (schema, name) = item.table.was();
        item.table.after_triggers.iter().map(move |trigger| (format!("{schema}.{name}"), trigger.clone()))
    });
    each.collect()
}

/// How many bytes one more copy may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    pub bytes: u64,
    /// `more than spec.execution.undo.maxBytes (1000)`
    pub over: String,
}

impl Room {
    /// `copied`: so many bytes have the other copies of the run.
    pub fn of(limits: &UndoLimits, copied: u64) -> Self {
        let left = limits.max_total_bytes.saturating_sub(copied);
        if left >= limits.max_bytes {
            let over = format!("more than spec.execution.undo.maxBytes ({})", limits.max_bytes);
            return Self { bytes: limits.max_bytes, over };
        }
        let others = if copied > 0 { "what other copies of the run leave of " } else { "" };
        let over = format!("more than {others}spec.execution.undo.maxTotalBytes ({})", limits.max_total_bytes);
        Self { bytes: left, over }
    }
}

impl Item {
    /// `column public.orders.note`
    pub fn object(&self) -> String {
        let (schema, name) = self.table.was();
        match &self.what {
            What::Table => format!("table {schema}.{name}"),
            What::Emptied | What::Rows(_) => format!("rows of {schema}.{name}"),
            What::Column(column, _) => format!("column {schema}.{name}.{}", column.was()),
        }
    }

    /// The word for it in the ledger.
    pub fn word(&self) -> &'static str {
        match &self.what {
            What::Table => "table",
            What::Emptied | What::Rows(_) => "rows",
            What::Column(..) => "column",
        }
    }

    pub fn column(&self) -> Option<&Column> {
        match &self.what {
            What::Column(column, _) => Some(column),
            What::Table | What::Emptied | What::Rows(_) => None,
        }
    }

    fn stored(&self) -> Vec<&Column> {
        let What::Column(column, gone) = &self.what else { return self.table.stored().collect() };
        let (key, _) = self.table.key(gone);
        key.into_iter().chain([column]).collect()
    }

    /// About so many bytes a row, where the server knows.
    fn width(&self) -> Option<u64> {
        let known: Option<u64> = self.stored().iter().map(|column| column.width).sum();
        let average = || self.table.rows.filter(|rows| *rows > 0).map(|rows| self.table.bytes / rows);
        known.map(|width| width + ROW_OVERHEAD).or_else(average)
    }

    /// About so many bytes that its copy takes of what all copies of a run may have; nobody can say of rows of a condition.
    pub fn takes(&self) -> u64 {
        match &self.what {
            What::Rows(Some(_)) => 0,
            What::Column(..) => self.bytes().unwrap_or(0),
            What::Table | What::Emptied | What::Rows(None) => self.bytes().unwrap_or(self.table.bytes),
        }
    }

    /// About so many bytes.
    pub fn bytes(&self) -> Option<u64> {
        Some(self.table.rows?.saturating_mul(self.width()?))
    }

    /// At most so many rows are copied, or why none is.
    pub fn limit(&self, limits: &UndoLimits, room: &Room) -> Result<u64, String> {
        if let Some(why) = self.table.hidden() {
            return Err(why.to_owned());
        }
        if self.stored().is_empty() {
            return Err("it has no columns to copy".to_owned());
        }
        if room.bytes == 0 {
            return Err(format!("any row is {}", room.over));
        }
        let few = matches!(self.what, What::Rows(Some(_)));
        let rows = self.table.rows.filter(|_| !few);
        if let Some(rows) = rows.filter(|rows| *rows > limits.max_rows) {
            return Err(format!("about {rows} rows are {}", over_rows(limits)));
        }
        match self.width() {
            Some(width) => {
                let most = room.bytes / width.max(1);
                if let Some(rows) = rows.filter(|rows| *rows > most) {
                    return Err(format!("about {} bytes are {}", rows.saturating_mul(width), room.over));
                }
                Ok(most.min(limits.max_rows))
            }
            // Never analysed: its size is all that is known.
            None if self.table.bytes > room.bytes && self.column().is_none() => {
                Err(format!("{} bytes are {}", self.table.bytes, room.over))
            }
            None => Ok(limits.max_rows),
        }
    }

    /// The query for the rows, one more than there may be. `whole`: without the condition.
    pub fn query(&self, most: u64, whole: bool) -> String {
        let table = format!("{}{}", self.table.only(), self.table.quoted());
        let select = |alias: &str| {
            let columns: Vec<String> = self.stored().iter().map(|column| column.copied(alias)).collect();
            format!("select {} from {table} as {alias}", columns.join(", "))
        };
        let limit = most.saturating_add(1);
        match &self.what {
            What::Rows(Some((alias, condition))) if !whole => {
                let alias = ident(alias);
                // Nobody changes them before the statement does.
                format!("{} where ({condition}\n) limit {limit} for update of {alias}", select(&alias))
            }
            What::Column(..) => {
                // Children have the column, too.
                let columns: Vec<String> = self.stored().iter().map(|column| column.copied("t")).collect();
                format!("select {} from {} as t limit {limit}", columns.join(", "), self.table.quoted())
            }
            What::Table | What::Emptied | What::Rows(_) => format!("{} limit {limit}", select("t")),
        }
    }

    /// What keeps others from writing rows between the copy and the statement: the lock that the statement takes anyway, or
    /// one that lets others read.
    pub fn lock(&self, whole: bool) -> String {
        let mode = match &self.what {
            What::Table | What::Emptied | What::Column(..) => "access exclusive",
            What::Rows(Some(_)) if !whole => return String::new(),
            What::Rows(_) => "share row exclusive",
        };
        format!("lock table {} in {mode} mode;", self.table.quoted())
    }

    /// The statement that restores it, where that is known before the statement that takes it away.
    pub fn restore(&self, copy: &str) -> Option<String> {
        match &self.what {
            What::Table | What::Emptied => Some(restore::missing(&self.table, copy, None)),
            What::Column(column, gone) => Some(restore::column(&self.table, column, gone, copy)),
            What::Rows(_) => None,
        }
    }
}

pub(super) fn over_rows(limits: &UndoLimits) -> String {
    format!("more than spec.execution.undo.maxRows ({})", limits.max_rows)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::facts::tests::table;
    use super::*;

    const LIMITS: UndoLimits =
        UndoLimits { max_rows: 100, max_bytes: 1000, max_total_bytes: 2500, keep: Duration::from_secs(1) };

    fn item(what: What) -> Item {
        Item { table: table(), what }
    }

    #[test]
    fn rows_are_counted_by_what_one_of_them_takes() {
        // Two stored columns of 72 bytes each, and what a row costs.
        let mut whole = item(What::Table);
        assert_eq!(whole.bytes(), Some(1720));
        assert_eq!(
            whole.limit(&LIMITS, &Room::of(&LIMITS, 0)).unwrap_err(),
            "about 1720 bytes are more than spec.execution.undo.maxBytes (1000)"
        );
        whole.table.rows = Some(5);
        assert_eq!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)), Ok(5));
        whole.table.rows = Some(101);
        assert!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)).unwrap_err().contains("maxRows (100)"));
        // A condition may leave few of many.
        whole.what = What::Rows(Some(("t".to_owned(), "id = 1".to_owned())));
        assert_eq!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)), Ok(5));
    }

    #[test]
    fn what_others_leave_of_the_limit_for_all_copies_of_a_run_is_a_limit_too() {
        let mut whole = item(What::Table);
        whole.table.rows = Some(5);
        let after = |copied| whole.limit(&LIMITS, &Room::of(&LIMITS, copied));
        assert_eq!((after(1500), after(1640)), (Ok(5), Ok(5)));
        assert_eq!(
            after(1641).unwrap_err(),
            "about 860 bytes are more than what other copies of the run leave of spec.execution.undo.maxTotalBytes (2500)"
        );
        assert!(after(9999).unwrap_err().starts_with("any row is more than what other copies"));
        let few = UndoLimits { max_total_bytes: 500, ..LIMITS };
        let why = whole.limit(&few, &Room::of(&few, 0)).unwrap_err();
        assert_eq!(why, "about 860 bytes are more than spec.execution.undo.maxTotalBytes (500)");
    }

    #[test]
    fn a_table_that_was_never_analysed_is_judged_by_its_size() {
        let mut whole = item(What::Table);
        whole.table.rows = None;
        whole.table.columns.iter_mut().for_each(|column| column.width = None);
        assert!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)).unwrap_err().starts_with("8192 bytes are more"));
        whole.table.bytes = 1000;
        assert_eq!(whole.limit(&LIMITS, &Room::of(&LIMITS, 0)), Ok(100));
    }

    #[test]
    fn what_goes_is_locked_before_it_is_copied_and_rows_of_a_condition_one_by_one() {
        let gone = item(What::Table);
        assert_eq!(gone.lock(true), "lock table \"public\".\"t\" in access exclusive mode;");
        assert_eq!(
            gone.query(5, true),
            "select t.\"id\" as \"id\", t.\"note\"::text as \"note\" from only \"public\".\"t\" as t limit 6"
        );
        let some = item(What::Rows(Some(("x".to_owned(), "x.id = 1 -- one".to_owned()))));
        assert_eq!(some.lock(false), "");
        assert!(some.query(5, false).ends_with("as \"x\" where (x.id = 1 -- one\n) limit 6 for update of \"x\""));
        assert!(some.lock(true).contains("share row exclusive") && !some.query(5, true).contains("x.id"));
    }

    #[test]
    fn columns_of_one_statement_know_of_each_other_and_nothing_is_there_twice() {
        let table = table();
        let column =
            |at: usize| Item { table: table.clone(), what: What::Column(table.columns[at].clone(), Vec::new()) };
        let items = together(vec![column(0), column(1), column(0)]);
        let gone = vec!["id".to_owned(), "note".to_owned(), "id".to_owned()];
        assert_eq!(items.iter().map(Item::object).collect::<Vec<_>>(), ["column public.t.id", "column public.t.note"]);
        assert!(items.iter().all(|item| matches!(&item.what, What::Column(_, with) if *with == gone)));
    }
}

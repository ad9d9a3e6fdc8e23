//! Copying before a statement, in its transaction.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::database::{DatabaseError, UndoLimits, UndoRestored};
use crate::migration::Statement;
use crate::plan::{Direction, Step};

use super::super::failure::{Place, SqlError};
use super::super::journal::direction;
use super::super::loss::read::Reader;
use super::super::record::key;
use super::super::session::PostgresSession;
use super::super::sqlstate::{Retry, retry};
use super::super::supervise::{Ended, Run, supervised};
use super::super::unit::Attempt;
use super::facts::{Column, Table};
use super::items::{ALONE, Item, Room, UNTOLD, What, Word, items, over_rows, targets, together, triggers};
use super::look::{functions, steady};
use super::statements::{Entry, Rows, create_place, enter, guise, quoted, restored, size};
use super::{Guise, as_ourselves, refused};

/// How long the catalog may take to answer; a statement's own timeouts end it sooner.
const LOOK: Duration = Duration::from_secs(60);
/// So many bytes of a version or of a repeatable's name are in the name of a copy, which has at most 63.
const KEY_IN_NAME: usize = 20;

/// What is told and recorded at the end of a step.
#[derive(Debug, Default)]
pub(in super::super) struct Noted {
    /// For the transaction's end.
    pub record: String,
    /// For people.
    pub told: Vec<String>,
}

impl Noted {
    /// A copy that was put back.
    pub(super) fn came_back(&mut self, ledger: &str, id: i64, by: &str, done: &UndoRestored) {
        self.record.push_str(&restored(ledger, id, by, done.rows, done.left));
        self.told.push(done.to_string());
    }
}

/// What came before a statement in its script.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Before {
    /// Has read it.
    pub names: Reader,
    /// Transactions of its own that ended: what they created was not there before the script.
    pub transactions: Vec<u32>,
}

/// A copy of rows of which the statement may leave some alone.
pub(in super::super) struct Taken {
    pub(super) table: Table,
    /// What is left of it after the statement; `None`: it is gone.
    pub(super) now: Option<Table>,
    pub(super) object: String,
    pub(super) copy: String,
    pub(super) word: Word,
    pub(super) guise: Guise,
    /// Rows copied by the statement's own condition.
    pub(super) by_condition: Option<u64>,
    /// What the copy takes.
    pub(super) bytes: u64,
}

#[derive(Deserialize)]
struct Found {
    #[serde(flatten)]
    guise: Guise,
    targets: Vec<Vec<Table>>,
    functions: Vec<String>,
    /// Its condition sees the same rows twice.
    steady: bool,
    /// Where names without a schema are looked up first.
    schema: Option<String>,
}

#[derive(Deserialize)]
struct Size {
    rows: u64,
    bytes: u64,
    something: u64,
    /// Bytes of all copies of the run, this one included.
    total: u64,
}

impl Size {
    /// Nothing is taken away. A way up that drops a column of nulls does take them away where its way down creates the
    /// column with a default; a way down is refilled by nobody.
    fn is_nothing(&self, step: &Step) -> bool {
        self.rows == 0 || self.something == 0 && direction(step) == Direction::Down
    }
}

impl PostgresSession {
    /// Copies what a statement is about to take away.
    pub(in super::super) async fn copy_before(
        &mut self,
        step: &Step,
        one: &Statement,
        before: &Before,
        place: &Place<'_>,
        run: Run<'_>,
        noted: &mut Noted,
    ) -> Result<Vec<Taken>, Attempt> {
        let Some(limits) = self.settings.undo else { return Ok(Vec::new()) };
        let targets = targets(&mut Reader::default(), one);
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let queries: Vec<&str> = targets.known.iter().map(|(_, _, query)| query.as_str()).collect();
        let look = format!(
            "select pg_catalog.json_build_object({}, 'targets', pg_catalog.json_build_array({}), 'functions', {},
                'schema', pg_catalog.current_schema(), 'steady', {})::text",
            guise(),
            queries.join(", "),
            functions(&targets.calls),
            steady(&targets.asked),
        );
        let found: Found = self.asked(&look, place).await?;
        let unclear = targets.unclear.iter().map(|what| (*what).to_owned());
        for what in unclear.chain(found.functions.iter().map(|name| format!("function {name}"))) {
            self.untold(step, one, &what, UNTOLD, &limits, noted);
        }
        let schema = found.schema.as_deref().unwrap_or_default();
        let all = targets.known.iter().zip(found.targets).flat_map(|((target, _, _), tables)| {
            let there =
                tables.into_iter().filter(|table| table.created.is_none_or(|by| !before.transactions.contains(&by)));
            items(target, there.map(|table| table.named_before(&before.names, schema)).collect(), found.steady)
        });
        let all = together(all.collect());
        for (table, trigger) in triggers(&all) {
            self.untold(step, one, &format!("trigger {trigger} on {table}"), UNTOLD, &limits, noted);
        }
        let guise = found.guise;
        let mut taken = Vec::new();
        for item in all {
            match self.copy(step, one, &item, &limits, &guise, place, run).await? {
                Ok(copied) => taken.extend(copied),
                Err(why) => {
                    let entry = self.entry(step, one, &item, &limits, Rows::Not(&why));
                    noted.record.push_str(&entry);
                    noted.told.push(format!("{}: not copied, {why} ({}:{})", item.object(), place.file, one.line));
                }
            }
        }
        Ok(taken)
    }

    /// One copy. The inner error says why there is none.
    #[expect(clippy::too_many_arguments, reason = "each is another thing, and nothing else needs them together")]
    async fn copy(
        &mut self,
        step: &Step,
        one: &Statement,
        item: &Item,
        limits: &UndoLimits,
        guise: &Guise,
        place: &Place<'_>,
        run: Run<'_>,
    ) -> Result<Result<Option<Taken>, String>, Attempt> {
        let room = Room::of(limits, self.copied);
        let most = match item.limit(limits, &room) {
            Ok(most) => most,
            Err(why) => return Ok(Err(why)),
        };
        self.savepoint(place).await?;
        let conditional = matches!(item.what, What::Rows(Some(_)));
        let mut whole = !conditional;
        let name = loop {
            let name = self.next_copy(step, one);
            let table = quoted(&name);
            let restore = item.restore(&table);
            let rows = restore.as_deref().map_or(Rows::Perhaps(&name), |restore| Rows::Copied(&name, restore));
            let text = format!(
                "{}{} {} create table {table} as {}; {}",
                as_ourselves(self.other_role.as_deref()),
                if guise.place { String::new() } else { create_place() },
                item.lock(whole),
                item.query(most, whole),
                self.entry(step, one, item, limits, rows),
            );
            match supervised(&mut self.link, &mut self.side, run, &text, None).await {
                Ended::Done(_) => break name,
                Ended::Failed(SqlError::Server(error)) if retry(&error.code) != Retry::Soon => {
                    let again = conditional && !whole;
                    self.back_to_savepoint(again, place).await?;
                    if !again {
                        return Ok(Err(refused(&error)));
                    }
                    // The condition may speak of something else; the table as a whole does not, where it is small enough.
                    let everything = Item { what: What::Rows(None), ..item.clone() };
                    if let Err(why) = everything.limit(limits, &room) {
                        self.back_to_savepoint(false, place).await?;
                        return Ok(Err(why));
                    }
                    whole = true;
                }
                ended @ (Ended::Failed(_) | Ended::Cancelled(_)) => {
                    self.conclude(ended, place).await?;
                }
            }
        };
        let column = item.column().map(Column::was);
        let size: Size = self.asked(&size(&self.sql.schema, &name, column), place).await?;
        if size.is_nothing(step) {
            self.back_to_savepoint(false, place).await?;
            return Ok(Ok(None));
        }
        let over = if size.rows > most {
            let over = if most < limits.max_rows { room.over } else { over_rows(limits) };
            Some(format!("more than {most} rows are {over}"))
        } else {
            // What an earlier statement made of its rows may have been added since.
            let room = Room::of(limits, size.total.saturating_sub(size.bytes));
            (size.bytes > room.bytes).then(|| format!("{} bytes are {}", size.bytes, room.over))
        };
        if let Some(why) = over {
            self.back_to_savepoint(false, place).await?;
            return Ok(Err(why));
        }
        self.copied = size.total;
        self.aside(&format!("{} release savepoint sluice_undo", guise.back()), place).await?;
        let What::Rows(_) = item.what else { return Ok(Ok(None)) };
        Ok(Ok(Some(Taken {
            table: item.table.clone(),
            now: Some(item.table.clone()),
            object: item.object(),
            copy: name,
            word: Word::of(one),
            guise: guise.clone(),
            by_condition: (!whole).then_some(size.rows),
            bytes: size.bytes,
        })))
    }

    /// Notes down what a statement that runs outside of any transaction may take away: a copy could not be made with it.
    pub(in super::super) fn untold_alone(&self, step: &Step, one: &Statement) -> Noted {
        let mut noted = Noted::default();
        let targets = targets(&mut Reader::default(), one);
        if let Some(limits) = self.settings.undo.filter(|_| !targets.is_empty()) {
            self.untold(step, one, targets.unclear.first().unwrap_or(&"DO"), ALONE, &limits, &mut noted);
        }
        noted
    }

    /// Notes down what may take away something that nobody can name.
    fn untold(&self, step: &Step, one: &Statement, what: &str, why: &str, limits: &UndoLimits, noted: &mut Noted) {
        let object = format!("whatever {what} does");
        let file = step.script().map_or("", |script| script.file.as_str());
        noted.told.push(format!("{object}: not copied, {why} ({file}:{})", one.line));
        let entry = Entry {
            run: &self.recorder.run,
            key: &key(step),
            direction: direction(step).as_str(),
            file,
            statement: one.number,
            line: one.line,
            object: &object,
            what: "rows",
            oid: 0,
            schema: "",
            name: "",
            column: None,
            renamed: Vec::new(),
            gone: false,
            keep: limits.keep,
        };
        noted.record.push_str(&enter(&self.sql.schema, &entry, Rows::Not(why)));
    }

    /// The ledger's entry about an item.
    fn entry(&self, step: &Step, one: &Statement, item: &Item, limits: &UndoLimits, rows: Rows<'_>) -> String {
        let object = item.object();
        let (schema, name) = item.table.was();
        let entry = Entry {
            run: &self.recorder.run,
            key: &key(step),
            direction: direction(step).as_str(),
            file: step.script().map_or("", |script| script.file.as_str()),
            statement: one.number,
            line: one.line,
            object: &object,
            what: item.word(),
            oid: item.table.oid,
            schema,
            name,
            column: item.column().map(Column::was),
            renamed: item.table.renamed(),
            gone: !matches!(item.what, What::Rows(_)) || Word::of(one) != Word::Update,
            keep: limits.keep,
        };
        enter(&self.sql.schema, &entry, rows)
    }

    /// A name that no other copy has: the tail of the run's id is its random part. A session that goes on where another one of
    /// its run ended counts anew, but not at the same statement.
    fn next_copy(&mut self, step: &Step, one: &Statement) -> String {
        self.copies += 1;
        let run = self.identity.id.simple().to_string();
        format!("{}_{}_{}_{}", start(&key(step)), run.get(20..).unwrap_or(&run), one.number, self.copies)
    }

    pub(super) async fn savepoint(&mut self, place: &Place<'_>) -> Result<(), Attempt> {
        self.aside("savepoint sluice_undo", place).await
    }

    /// Takes back what was tried since the savepoint, with whatever was set since.
    pub(super) async fn back_to_savepoint(&mut self, go_on: bool, place: &Place<'_>) -> Result<(), Attempt> {
        let release = if go_on { "" } else { "; release savepoint sluice_undo" };
        self.aside(&format!("rollback to savepoint sluice_undo{release}"), place).await
    }

    /// Some statements of Sluice's own between those of the script.
    pub(super) async fn aside(&mut self, sql: &str, place: &Place<'_>) -> Result<(), Attempt> {
        match self.link.run(sql).await {
            Ok(()) => Ok(()),
            Err(error) => self.conclude(Ended::Failed(error), place).await.map(|_| ()),
        }
    }

    /// Likewise, with an answer in JSON.
    pub(super) async fn asked<T: DeserializeOwned>(&mut self, sql: &str, place: &Place<'_>) -> Result<T, Attempt> {
        let error = match self.link.json_within(sql, LOOK).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        self.conclude(Ended::Failed(error), place).await?;
        Err(Attempt::Over(DatabaseError::Ledger("the server took an answer back".to_owned())))
    }
}

/// The beginning of a key.
fn start(key: &str) -> &str {
    let end = key.char_indices().map(|(at, one)| at + one.len_utf8()).take_while(|end| *end <= KEY_IN_NAME).last();
    key.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_as_much_of_a_key_as_there_is_room_for() {
        assert_eq!(start("003"), "003");
        assert_eq!(start("R__überblick_über_alles"), "R__überblick_über_");
        assert_eq!(start("R__報告書報告書報告書"), "R__報告書報告");
    }
}

//! What a script takes away, and how its way down makes up for it.

use super::World;
use super::schema::{Column, Key, Shape, Table};

/// Statements there, and those back.
pub(super) type Change = (Vec<String>, Vec<String>);

impl World {
    /// One destruction, if the schema has what it takes.
    pub(super) fn change(&mut self) -> Option<Change> {
        let at = self.below(self.tables.len().max(1));
        let table = self.tables.get(at)?.clone();
        match self.below(9) {
            0 | 1 => self.drop_column(at, &table),
            2 if !self.torn.contains(&table.name) => Some(self.drop_table(at, &table)),
            3 if !self.torn.contains(&table.name) => Some(self.truncate(&table)),
            4 if !self.torn.contains(&table.name) => self.delete(&table),
            5 => self.update(&table),
            6 => self.narrow(at, &table),
            7 => self.upsert(&table),
            8 if !self.torn.contains(&table.name) => self.rename_and_drop(at, &table),
            _ => None,
        }
    }

    /// The column goes with what is computed from it and what stands on it.
    pub(super) fn drop_column(&mut self, at: usize, table: &Table) -> Option<Change> {
        let column = self.pick(&table.columns)?;
        if column.name == "touched"
            || self
                .tables
                .iter()
                .any(|other| other.references.iter().any(|one| one.to == table.name && one.column == column.name))
        {
            return None;
        }
        let gone: Vec<Column> = table
            .columns
            .iter()
            .filter(|one| one.name == column.name || one.from.as_ref() == Some(&column.name))
            .cloned()
            .collect();
        let concerns = |used: &[String]| used.iter().any(|name| gone.iter().any(|one| one.name == *name));
        let up = vec![format!("alter table {} drop column {} cascade", table.name, column.name)];
        let mut down = Vec::new();
        for one in &gone {
            let nullable = Column { not_null: false, ..one.clone() };
            down.push(format!("alter table {} add column {}", table.name, nullable.defined()));
            if one.not_null {
                down.push(format!("alter table {} alter {} set not null", table.name, one.name));
            }
        }
        down.extend(table.on.iter().filter(|(used, _)| concerns(used)).map(|(_, statement)| statement.clone()));
        down.extend(table.references.iter().filter(|one| one.column == column.name).map(|one| table.referring(one)));
        if (!table.has_key() || table.shape == Shape::Parent) && gone.iter().any(|one| one.not_null) {
            self.torn.push(table.name.clone());
        }
        let left = &mut self.tables[at];
        left.columns.retain(|one| !gone.iter().any(|other| other.name == one.name));
        left.on.retain(|(used, _)| !concerns(used));
        left.references.retain(|one| one.column != column.name);
        Some((up, down))
    }

    pub(super) fn drop_table(&mut self, at: usize, table: &Table) -> Change {
        let up = vec![format!("drop table {} cascade", table.name)];
        let mut down = table.created();
        down.extend(table.references.iter().map(|one| table.referring(one)));
        self.tables.remove(at);
        for other in &mut self.tables {
            let (lost, kept): (Vec<_>, Vec<_>) = other.references.drain(..).partition(|one| one.to == table.name);
            other.references = kept;
            down.extend(lost.iter().map(|one| other.referring(one)));
        }
        (up, down)
    }

    pub(super) fn truncate(&mut self, table: &Table) -> Change {
        self.emptied = true;
        let more = self.pick(&["", " restart identity"]).unwrap_or("");
        (vec![format!("truncate {}{more} cascade", table.name)], vec!["select 1".to_owned()])
    }

    pub(super) fn delete(&mut self, table: &Table) -> Option<Change> {
        let held = self
            .tables
            .iter()
            .any(|other| other.references.iter().any(|one| one.to == table.name && one.on_delete == "no action"));
        // Who refers to one that goes may have others referring to it.
        let children =
            self.tables.iter().filter(|other| other.references.iter().any(|one| one.to == table.name)).count();
        let chained = children > 0
            && self.tables.iter().any(|other| other.references.iter().any(|one| one.on_delete == "no action"));
        if held || chained {
            return None;
        }
        self.emptied = true;
        let condition = self.pick(&["", " where id % 2 = 0", " where id > 2", " where id in (select 3)"]).unwrap_or("");
        Some((vec![format!("delete from {}{condition}", table.name)], vec!["select 1".to_owned()]))
    }

    pub(super) fn update(&mut self, table: &Table) -> Option<Change> {
        let settable: Vec<Column> = table.columns.iter().filter(|one| one.is_settable()).cloned().collect();
        let column = self.pick(&settable).filter(|_| table.has_key())?;
        let value = column.kind().value;
        let value = value.replace("from n", "from id");
        let with_id = replaced(&value);
        let condition = self.pick(&["", " where id % 2 = 1", " where id = 1 or id = 2"]).unwrap_or("");
        Some((
            vec![format!("update {} set {} = {with_id}{condition}", table.name, column.name)],
            vec!["select 1".to_owned()],
        ))
    }

    pub(super) fn narrow(&mut self, at: usize, table: &Table) -> Option<Change> {
        let free = |one: &&Column| {
            one.kind().narrow.is_some()
                && one.type_name == one.kind().name
                && one.more.is_empty()
                && !table.columns.iter().any(|other| other.from.as_ref() == Some(&one.name))
                && !table.on.iter().any(|(used, _)| used.contains(&one.name))
        };
        let fitting: Vec<Column> = table.columns.iter().filter(free).cloned().collect();
        let column = self.pick(&fitting)?;
        let (to, how, back) = column.kind().narrow?;
        let using = |how: &str| {
            if how.is_empty() { String::new() } else { format!(" using {}", how.replace('C', &column.name)) }
        };
        let alter =
            |to: &str, how: &str| format!("alter table {} alter {} type {to}{}", table.name, column.name, using(how));
        if back == "null" && column.not_null {
            return None;
        }
        let there = alter(to, how);
        self.tables[at].columns.iter_mut().filter(|one| one.name == column.name).for_each(|one| one.type_name = to);
        Some((vec![there], vec![alter(column.kind().name, back)]))
    }

    pub(super) fn upsert(&mut self, table: &Table) -> Option<Change> {
        let plain =
            matches!(table.key, Key::One(_, false)) && table.shape == Shape::Plain && !table.closed && table.rows > 1;
        let settable: Vec<Column> = table.columns.iter().filter(|one| one.is_settable()).cloned().collect();
        if !plain || self.emptied || table.columns.iter().any(|one| one.not_null) {
            return None;
        }
        let column = self.pick(&settable)?;
        let value = replaced(column.kind().value);
        let up = format!(
            "insert into {0} (id, {1}) select id, {value} from generate_series(2, 2) id on conflict (id) do update set {1} = excluded.{1}",
            table.name, column.name
        );
        Some((vec![up], vec!["select 1".to_owned()]))
    }

    pub(super) fn rename_and_drop(&mut self, at: usize, table: &Table) -> Option<Change> {
        if table.shape != Shape::Plain {
            return None;
        }
        let new = format!("{}_old", table.bare());
        let (_, down) = self.drop_table(at, table);
        let qualified = table.name.rsplit_once('.').map_or(new.clone(), |(schema, _)| format!("{schema}.{new}"));
        Some((
            vec![format!("alter table {} rename to {new}", table.name), format!("drop table {qualified} cascade")],
            down,
        ))
    }
}

/// A value from `id` in place of `n`, another one than before.
fn replaced(value: &str) -> String {
    let mut text = String::new();
    let bytes: Vec<char> = value.chars().collect();
    let mut quoted = false;
    for (at, one) in bytes.iter().enumerate() {
        quoted ^= *one == '\'';
        let word = |at: Option<&char>| at.is_some_and(|other| other.is_alphanumeric() || *other == '_');
        if *one == 'n' && !quoted && !word(at.checked_sub(1).and_then(|at| bytes.get(at))) && !word(bytes.get(at + 1)) {
            text.push_str("(id::int + 1)");
        } else {
            text.push(*one);
        }
    }
    text
}

//! Small schemas with rows.

use std::fmt::Write as _;

use super::World;

/// A type of columns.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// A value from the number `n`.
    pub(super) value: &'static str,
    /// Another type that holds less, how to get there, and how to get back where that takes more than the name.
    pub(super) narrow: Option<(&'static str, &'static str, &'static str)>,
    /// What an index can be made on.
    pub(super) sortable: bool,
}

const fn kind(name: &'static str, value: &'static str) -> Kind {
    Kind { name, value, narrow: None, sortable: false }
}

const fn sortable(name: &'static str, value: &'static str) -> Kind {
    Kind { name, value, narrow: None, sortable: true }
}

const fn narrowing(
    name: &'static str,
    value: &'static str,
    to: &'static str,
    using: &'static str,
    back: &'static str,
) -> Kind {
    Kind { name, value, narrow: Some((to, using, back)), sortable: true }
}

pub(super) const KINDS: [Kind; 38] = [
    sortable("int", "n * 37 % 11"),
    narrowing("bigint", "n * 3000000000", "int", "(C % 1000)::int", ""),
    narrowing("numeric(8,2)", "n * 1.37", "int", "C::int", ""),
    narrowing("numeric", "n / 7.0", "numeric(6,1)", "", ""),
    narrowing("text", "'t' || n || E'\\t\"''\\\\ é'", "varchar(3)", "left(C, 3)", ""),
    sortable("varchar(12)", "'v' || n"),
    narrowing("char(5)", "'c' || n", "char(1)", "left(C, 1)", ""),
    narrowing("boolean", "n % 2 = 0", "int", "1", "C > 0"),
    sortable("date", "date '2020-01-01' + n"),
    narrowing("timestamptz", "timestamptz '2020-03-01 12:00+01' + n * interval '1 h 0.123456 s'", "date", "", ""),
    narrowing("timestamp", "timestamp '0044-03-15 12:00 BC' + n * interval '1 d'", "timestamp(0)", "", ""),
    sortable("time", "time '12:00' + n * interval '1.5 s'"),
    kind("interval", "n * interval '1 mon 2 d 3.5 s'"),
    narrowing("jsonb", "jsonb_build_object('n', n, 'a', array[n, null])", "text", "''", "null"),
    kind("json", "json_build_object('b', n, 'a', 'x')"),
    narrowing("bytea", "decode(md5(n::text), 'hex')", "text", "md5(C)", "C::bytea"),
    kind("int[]", "array[n, null, -n]"),
    kind("text[]", "array['a,b', null, '\"' || n, '']"),
    kind("int[]", "array[array[n, 1], array[2, 3]]"),
    narrowing("mood", "(array['good', 'bad', 'so so']::mood[])[n % 3 + 1]", "text", "'x'", "null"),
    kind("mood[]", "array['good', null, 'so so']::mood[]"),
    sortable("grade", "(n % 6 + 1)::grade"),
    sortable("label", "('l' || n)::label"),
    kind("addr", "row('street \"' || n, n)::addr"),
    kind("addr[]", "array[row('a', n), row(null, null)]::addr[]"),
    kind("addr", "row(null, n)::addr"),
    sortable("uuid", "md5(n::text)::uuid"),
    sortable("inet", "('10.0.0.' || n % 200)::inet"),
    narrowing("float8", "n / 3.0::float8", "real", "", ""),
    sortable("real", "(n / 3.0)::real"),
    sortable("int4range", "int4range(n, n + 5)"),
    kind("int4multirange", "int4multirange(int4range(n, n + 2), int4range(n + 4, n + 5))"),
    kind("varbit", "n::bit(6)::varbit"),
    kind("money", "n::money"),
    kind("point", "point(n, -n)"),
    kind("tsvector", "to_tsvector('simple', 'a b' || n)"),
    kind("regclass", "'pg_class'::regclass"),
    kind("\"char\"", "'x'::\"char\""),
];

pub(super) const TYPES: &str = "create type mood as enum ('good', 'bad', 'so so');
create domain grade as int constraint grade_range check (value between 1 and 6); create domain label as text constraint label_some check (value <> '');
create type addr as (street text, number int); create schema shop;
create function touch() returns trigger language plpgsql as $$ begin new.touched := coalesce(new.touched, 0) + 1; return new; end $$;
create function forbid() returns trigger language plpgsql as $$ begin raise exception 'nobody writes here'; end $$;
";

pub(super) const REFRESH: &str =
    "do $$ declare v text; begin for v in select oid::regclass from pg_class where relkind = 'm' order by oid loop
execute 'refresh materialized view ' || v; end loop; end $$;
";

#[derive(Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: usize,
    /// The name of its type as it is now.
    pub(super) type_name: &'static str,
    pub(super) not_null: bool,
    /// What follows the type.
    pub(super) more: String,
    /// The column that it is computed from.
    pub(super) from: Option<String>,
}

impl Column {
    pub(super) fn kind(&self) -> &'static Kind {
        &KINDS[self.kind]
    }

    /// Whether a script may set it to another value of its kind.
    pub(super) fn is_settable(&self) -> bool {
        self.from.is_none()
            && !self.name.starts_with('r')
            && self.name != "touched"
            && self.type_name == self.kind().name
    }

    pub(super) fn defined(&self) -> String {
        format!("{} {}{}{}", self.name, self.type_name, self.more, if self.not_null { " not null" } else { "" })
    }
}

/// How its rows are known.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Key {
    /// `id`, with what follows its type; whether the server gives it.
    One(&'static str, bool),
    Two,
    None,
}

pub(super) const KEYS: [Key; 8] = [
    Key::One("int", false),
    Key::One("int generated always as identity", true),
    Key::One("bigint generated by default as identity (start with 1 increment by 1)", true),
    Key::One("serial", true),
    Key::One("bigint", false),
    Key::Two,
    Key::Two,
    Key::None,
];

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Plain,
    Partitioned,
    Parent,
}

#[derive(Clone)]
pub(super) struct Reference {
    pub(super) column: String,
    pub(super) to: String,
    pub(super) on_delete: &'static str,
    pub(super) more: &'static str,
}

#[derive(Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) key: Key,
    pub(super) shape: Shape,
    pub(super) columns: Vec<Column>,
    pub(super) references: Vec<Reference>,
    /// What stands on it: the columns that it uses, and the statement.
    pub(super) on: Vec<(Vec<String>, String)>,
    pub(super) rows: u32,
    /// An INSERT of a script would fail.
    pub(super) closed: bool,
}

impl Table {
    pub(super) fn bare(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    pub(super) fn has_key(&self) -> bool {
        self.key != Key::None
    }

    /// Everything that makes it, its foreign keys not.
    pub(super) fn created(&self) -> Vec<String> {
        let bare = self.bare();
        let mut inner: Vec<String> = match self.key {
            Key::One(how, _) => vec![format!("id {how}"), format!("constraint {bare}_pk primary key (id)")],
            Key::Two => {
                vec!["id int".into(), "part text".into(), format!("constraint {bare}_pk primary key (id, part)")]
            }
            Key::None => vec!["id int".into()],
        };
        inner.extend(self.columns.iter().map(Column::defined));
        let by = if self.shape == Shape::Partitioned { " partition by range (id)" } else { "" };
        let mut all = vec![format!("create table {} ({}){by}", self.name, inner.join(", "))];
        match self.shape {
            Shape::Plain => {}
            Shape::Partitioned => {
                all.push(format!("create table {0}_low partition of {0} for values from (minvalue) to (4)", self.name));
                all.push(format!("create table {0}_high partition of {0} default", self.name));
            }
            Shape::Parent => {
                let key = if self.has_key() {
                    format!(
                        ", constraint {bare}_child_pk primary key ({})",
                        if self.key == Key::Two { "id, part" } else { "id" }
                    )
                } else {
                    String::new()
                };
                all.push(format!("create table {0}_child (own text{key}) inherits ({0})", self.name));
            }
        }
        all.extend(self.on.iter().map(|(_, statement)| statement.clone()));
        all
    }

    pub(super) fn referring(&self, one: &Reference) -> String {
        format!(
            "alter table {} add constraint {}_{} foreign key ({}) references {} (id) on delete {}{}",
            self.name,
            self.bare(),
            one.column,
            one.column,
            one.to,
            one.on_delete,
            one.more
        )
    }

    pub(super) fn inserted(&self, into: &str, from: u32, to: u32, parents: &[(String, u32)]) -> String {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        match self.key {
            Key::One(_, true) => {}
            Key::One(_, false) | Key::None => {
                names.push("id".to_owned());
                values.push("n".to_owned());
            }
            Key::Two => {
                names.extend(["id".to_owned(), "part".to_owned()]);
                values.extend(["n / 2 + 1".to_owned(), "'p' || n % 2".to_owned()]);
            }
        }
        for column in self.columns.iter().filter(|column| column.from.is_none()) {
            let parent = self.references.iter().find(|one| one.column == column.name);
            let value = match parent.and_then(|one| parents.iter().find(|(name, _)| *name == one.to)) {
                Some((_, 0)) => "null::int".to_owned(),
                Some((_, rows)) => format!("n % {rows} + 1"),
                None => column.kind().value.to_owned(),
            };
            names.push(column.name.clone());
            values.push(if column.not_null { value } else { format!("case when n % 4 <> 2 then {value} end") });
        }
        let all = format!(
            "insert into {into} ({}) select {} from generate_series({from}, {to}) n",
            names.join(", "),
            values.join(", ")
        );
        if names.is_empty() { format!("insert into {into} select from generate_series({from}, {to}) n") } else { all }
    }
}

impl World {
    pub(super) fn column(&mut self) -> Column {
        let (kind, not_null) = (self.below(KINDS.len()), self.one_in(3));
        let value = KINDS[kind].value.replace("n::", "3::").replace("n * ", "3 * ");
        let constant = !value.contains(" n") && !value.contains("n ") && !value.contains("(n") && !value.contains("[n");
        let more = if constant && self.one_in(3) { format!(" default {value}") } else { String::new() };
        let name = format!("c{}", self.number());
        Column {
            name: if self.one_in(6) { format!("\"{name} Odd\"") } else { name },
            kind,
            type_name: KINDS[kind].name,
            not_null,
            more,
            from: None,
        }
    }

    pub(super) fn table(&mut self) -> Table {
        let number = self.number();
        let key = KEYS[self.below(KEYS.len())];
        let shape = match self.below(6) {
            0 if !matches!(key, Key::One(_, true)) => Shape::Partitioned,
            1 if !matches!(key, Key::One(how, _) if how.contains("identity")) => Shape::Parent,
            _ => Shape::Plain,
        };
        let name = if self.one_in(5) { format!("shop.t{number}") } else { format!("t{number}") };
        let columns: Vec<Column> = (0..=self.below(5)).map(|_| self.column()).collect();
        let rows = if self.one_in(8) { 0 } else { 2 + u32::try_from(self.below(7)).unwrap_or(0) };
        Table { name, key, shape, columns, references: Vec::new(), on: Vec::new(), rows, closed: false }
    }

    /// A schema with rows.
    pub(super) fn base(&mut self) -> String {
        let mut base = TYPES.to_owned();
        for _ in 0..2 + self.below(3) {
            let mut table = self.table();
            let bare = table.bare().to_owned();
            // What refers to others, to itself or to columns of its own.
            let mut parents: Vec<Table> = self
                .tables
                .iter()
                .filter(|other| matches!(other.key, Key::One(..)) && other.shape != Shape::Parent)
                .cloned()
                .collect();
            if matches!(table.key, Key::One(..)) && table.shape == Shape::Plain {
                parents.push(table.clone());
            }
            // Rows without a key that a foreign key changes are put back by nobody.
            if let Some(parent) = self.pick(&parents).filter(|_| table.has_key() && !self.one_in(3)) {
                let column = format!("r{}", self.number());
                table.columns.push(Column {
                    name: column.clone(),
                    kind: 0,
                    type_name: "int",
                    not_null: false,
                    more: String::new(),
                    from: None,
                });
                let on_delete = self.pick(&["cascade", "set null", "no action"]).unwrap_or("cascade");
                let more = self.pick(&["", " deferrable initially deferred", ""]).unwrap_or("");
                table.references.push(Reference { column, to: parent.name.clone(), on_delete, more });
            }
            if let Some(base) =
                table.columns.iter().find(|column| column.kind().name == "int").map(|column| column.name.clone())
                && self.one_in(2)
            {
                let name = format!("g{}", self.number());
                let more = format!(" generated always as ({base} * 2) stored");
                table.columns.push(Column { name, kind: 0, type_name: "int", not_null: false, more, from: Some(base) });
            }
            if table.shape == Shape::Plain && self.one_in(4) {
                let more = " default 0".to_owned();
                table.columns.push(Column {
                    name: "touched".into(),
                    kind: 0,
                    type_name: "int",
                    not_null: false,
                    more,
                    from: None,
                });
                table.on.push((
                    vec!["touched".into()],
                    format!(
                        "create trigger {bare}_touch before update on {} for each row execute function touch()",
                        table.name
                    ),
                ));
            }
            for column in table.columns.clone() {
                if column.kind().sortable && self.one_in(3) {
                    let tail = self.pick(&["", " desc nulls last", ") where (id > 2"]).unwrap_or("");
                    let number = self.number();
                    table.on.push((
                        vec![column.name.clone()],
                        format!("create index i{number} on {} ({}{tail})", table.name, column.name),
                    ));
                }
            }
            if let Some(column) = self.pick(&table.columns).filter(|_| self.one_in(4)) {
                let number = self.number();
                let what = self.pick(&["view", "materialized view"]).unwrap_or("view");
                table.on.push((
                    vec![column.name.clone()],
                    format!("create {what} v{number} as select id, {} as x from {}", column.name, table.name),
                ));
            }
            if let Some(column) = self.pick(&table.columns).filter(|_| self.one_in(5)) {
                table.on.push((
                    vec![column.name.clone()],
                    format!("comment on column {}.{} is 'it''s one'", table.name, column.name),
                ));
            }
            let _ = writeln!(base, "{};", table.created().join(";\n"));
            let mut known: Vec<(String, u32)> =
                self.tables.iter().map(|other| (other.name.clone(), other.rows)).collect();
            known.push((table.name.clone(), table.rows));
            let _ = writeln!(base, "{};", table.inserted(&table.name, 1, table.rows, &known));
            if table.shape == Shape::Parent && table.rows > 0 {
                let child = table.inserted(&format!("{}_child", table.name), table.rows + 1, table.rows + 2, &known);
                let _ = writeln!(base, "{child};");
            }
            for one in &table.references {
                let _ = writeln!(base, "{};", table.referring(one));
            }
            if table.shape == Shape::Plain && self.one_in(5) {
                let trigger = format!(
                    "create trigger {bare}_closed before insert on {} for each row execute function forbid()",
                    table.name
                );
                let _ = writeln!(base, "{trigger};");
                table.on.push((Vec::new(), trigger));
                table.closed = true;
            }
            self.tables.push(table);
        }
        base + REFRESH
    }
}

//! What the catalog knows about the tables from which a statement takes something away.

use serde::Deserialize;

use super::super::loss::read::Target;
use super::super::quote::{ident, text};
use super::super::recognise::Name;

/// A table at risk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Table {
    pub oid: i64,
    pub schema: String,
    pub name: String,
    kind: String,
    /// Estimated, with all partitions; `None` before the first ANALYZE.
    pub rows: Option<u64>,
    /// With all partitions, indexes not.
    pub bytes: u64,
    filtered: bool,
    /// Reached through a foreign key that hands a change on.
    pub reached: bool,
    pub columns: Vec<Column>,
    /// The columns of its primary key, or else of a unique index without nulls.
    key: Option<Vec<String>>,
}

/// A column of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Column {
    pub name: String,
    /// The server computes it.
    generated: bool,
    /// `generated always as identity`: it cannot be set by an UPDATE.
    pub always: bool,
    /// Bytes, on average; `None` before the first ANALYZE.
    pub width: Option<u64>,
    pub type_name: String,
    /// Its type where that is not the server's own: a copy must not depend on it, and holds texts.
    own_type: Option<String>,
    /// It is what the statement takes away.
    pub wanted: bool,
}

impl Table {
    /// `"public"."orders"`
    pub fn quoted(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// For a table whose partitions hold its rows it cannot be said, and for one with children it must be.
    pub fn only(&self) -> &'static str {
        if self.kind == "p" { "" } else { "only " }
    }

    /// Why its rows cannot be copied, whatever their number.
    pub fn hidden(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "r" | "p" if self.filtered => Some("row-level security hides rows from this role"),
            "r" | "p" => None,
            _ => Some("its rows are not this database's own"),
        }
    }

    /// The columns that a copy can hold and an INSERT can restore.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }

    /// By which columns a row is known again when some are gone, and whether that is one row for certain.
    pub fn key(&self, gone: &[String]) -> (Vec<&Column>, bool) {
        match self.key.as_ref().filter(|key| !key.iter().any(|one| gone.contains(one))) {
            Some(key) => (self.columns.iter().filter(|column| key.contains(&column.name)).collect(), true),
            None => (self.stored().filter(|column| !gone.contains(&column.name)).collect(), false),
        }
    }
}

impl Column {
    pub fn quoted(&self) -> String {
        ident(&self.name)
    }

    /// The column for a copy.
    pub fn copied(&self, alias: &str) -> String {
        let name = self.quoted();
        if self.own_type.is_some() { format!("{alias}.{name}::text as {name}") } else { format!("{alias}.{name}") }
    }

    /// The copy's value as the column's type again.
    pub fn restored(&self, alias: &str) -> String {
        let cast = self.own_type.as_ref().map(|own| format!("::{own}")).unwrap_or_default();
        format!("{alias}.{}{cast}", self.quoted())
    }

    /// Whether each of its values is in the other type what it was, so that nothing is taken away.
    pub fn widens_to(&self, to: &str) -> bool {
        let to = to.trim().to_ascii_lowercase();
        let from = self.type_name.as_str();
        let varying = from.starts_with("character varying") || from == "text";
        match to.as_str() {
            "text" | "varchar" | "character varying" => varying,
            "bigint" | "int8" => matches!(from, "smallint" | "integer" | "bigint"),
            "integer" | "int" | "int4" => matches!(from, "smallint" | "integer"),
            "numeric" | "decimal" => matches!(from, "smallint" | "integer" | "bigint" | "numeric"),
            _ => to == from,
        }
    }
}

/// How far a change goes beyond the table that a statement names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Its children.
    Children,
    /// `TRUNCATE … CASCADE`: whatever refers to it, too.
    References,
    /// A foreign key's `ON DELETE`.
    OnDelete,
    /// A foreign key's `ON UPDATE`.
    OnUpdate,
    /// Either.
    OnBoth,
}

/// The tables of a target as a JSON array: an expression. Names are looked up with the `search_path` in force.
pub(super) fn of(target: &Target, reach: Reach) -> Option<String> {
    let never = "false";
    match target {
        Target::Table(table) => Some(facts(&found(table, false, reach), never)),
        Target::Truncated { table, only, .. } | Target::Rows { table, only, .. } => {
            Some(facts(&found(table, *only, reach), never))
        }
        Target::Schema(schema) => Some(facts(
            &format!(
                "select c.oid, false from pg_catalog.pg_class c where c.relkind in ('r', 'p') and not c.relispartition
                    and c.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = {})",
                text(schema)
            ),
            never,
        )),
        Target::Type(data_type) => {
            let of_type = format!(
                "a.atttypid in (with recursive used as (
                    select pg_catalog.to_regtype({})::oid as oid union select t.oid from used u join pg_catalog.pg_type t
                        on t.typbasetype = u.oid or t.typelem = u.oid and t.typcategory = 'A')
                    select oid from used)",
                text(&data_type.quoted())
            );
            let tables = format!(
                "select c.oid, false from pg_catalog.pg_class c where c.relkind in ('r', 'p') and not c.relispartition and exists (
                    select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                    and a.attinhcount = 0 and {of_type})"
            );
            Some(facts(&tables, &of_type))
        }
        Target::Column { table, column } | Target::Retyped { table, column, .. } => {
            let table = format!("select pg_catalog.to_regclass({})::oid, false", text(&table.quoted()));
            Some(facts(&table, &format!("a.attname = {}", text(column))))
        }
        Target::Unclear(_) => None,
    }
}

/// A table and those that a change of it reaches.
fn found(table: &Name, only: bool, reach: Reach) -> String {
    let children = if only { "false" } else { "true" };
    let handed_on = match reach {
        Reach::Children => "false",
        Reach::References => "true",
        Reach::OnDelete => "k.confdeltype in ('c', 'n', 'd')",
        Reach::OnUpdate => "k.confupdtype in ('c', 'n', 'd')",
        Reach::OnBoth => "k.confdeltype in ('c', 'n', 'd') or k.confupdtype in ('c', 'n', 'd')",
    };
    // Partitions are their parent's rows; children of other kinds are tables of their own.
    format!(
        "with recursive found(oid, reached) as (
            select pg_catalog.to_regclass({name})::oid, false
            union select x.oid, x.reached from found f cross join lateral (
                select i.inhrelid as oid, f.reached from pg_catalog.pg_inherits i join pg_catalog.pg_class p on p.oid = i.inhparent
                    where i.inhparent = f.oid and p.relkind = 'r' and {children}
                union all select k.conrelid, true from pg_catalog.pg_constraint k
                    where k.confrelid = f.oid and k.contype = 'f' and k.conparentid = 0 and ({handed_on})) x)
        select oid, pg_catalog.bool_and(reached) from found group by oid",
        name = text(&table.quoted())
    )
}

/// What this very transaction created holds nothing that was there before.
fn facts(found: &str, wanted: &str) -> String {
    format!(
        "(select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname,
            'kind', c.relkind, 'filtered', pg_catalog.row_security_active(c.oid), 'reached', f.reached,
            'rows', size.rows, 'bytes', size.bytes,
            'columns', (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname,
                    'generated', a.attgenerated <> '', 'always', a.attidentity = 'a', 'width', s.width,
                    'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod),
                    'own_type', case when tn.nspname <> 'pg_catalog' then pg_catalog.format('%I.%I', tn.nspname, t.typname) end,
                    'wanted', {wanted}) order by a.attnum), '[]')
                from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
                    join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
                    left join lateral (select pg_catalog.max(w.avg_width) as width from pg_catalog.pg_stats w
                        where w.schemaname = n.nspname and w.tablename = c.relname and w.attname = a.attname) s on true
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
            'key', (select pg_catalog.json_agg(a.attname order by k.place)
                from pg_catalog.pg_index i cross join lateral pg_catalog.unnest(i.indkey::pg_catalog.int2[]) with ordinality k(attnum, place)
                    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                where k.place <= i.indnkeyatts and i.indexrelid = (
                    select u.indexrelid from pg_catalog.pg_index u
                    where u.indrelid = c.oid and u.indisunique and u.indisvalid and u.indimmediate and u.indpred is null and u.indexprs is null
                        and not exists (select from pg_catalog.pg_attribute b where b.attrelid = c.oid and not b.attnotnull
                            and b.attnum = any (u.indkey::pg_catalog.int2[]))
                    order by u.indisprimary desc, u.indexrelid limit 1))) order by f.reached, n.nspname, c.relname), '[]')
        from ({found}) f(oid, reached) join pg_catalog.pg_class c on c.oid = f.oid
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            cross join lateral (
                with recursive tree as (select c.oid as oid union select i.inhrelid from tree b
                    join pg_catalog.pg_inherits i on i.inhparent = b.oid and c.relkind = 'p')
                select coalesce(pg_catalog.sum(pg_catalog.pg_table_size(l.oid)), 0)::bigint as bytes,
                    case when pg_catalog.bool_and(l.reltuples >= 0) then pg_catalog.sum(l.reltuples)::bigint end as rows
                from tree b join pg_catalog.pg_class l on l.oid = b.oid where l.relkind in ('r', 'f')) size
        where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't'
            and not exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum = -1
                and a.xmin = pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid))"
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `public.t`: id (its key), note, of a type of somebody's own, and what the server computes; ten rows.
    pub fn table() -> Table {
        let plain = |name: &str| Column { name: name.to_owned(), width: Some(72), ..column("text") };
        Table {
            oid: 7,
            schema: "public".to_owned(),
            name: "t".to_owned(),
            kind: "r".to_owned(),
            rows: Some(10),
            bytes: 8192,
            filtered: false,
            reached: false,
            columns: vec![
                Column { always: true, ..plain("id") },
                Column { own_type: Some("shop.mood".to_owned()), ..plain("note") },
                Column { generated: true, ..plain("twice") },
            ],
            key: Some(vec!["id".to_owned()]),
        }
    }

    #[test]
    fn a_row_is_known_by_its_key_unless_that_goes_itself() {
        let names = |gone: &[&str]| {
            let gone: Vec<String> = gone.iter().map(ToString::to_string).collect();
            let table = table();
            let (key, one) = table.key(&gone);
            (key.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(" "), one)
        };
        assert_eq!(names(&[]), ("id".to_owned(), true));
        assert_eq!(names(&["note"]), ("id".to_owned(), true));
        assert_eq!(names(&["id"]), ("note".to_owned(), false));
        assert_eq!(names(&["id", "note"]), (String::new(), false));
    }

    fn column(type_name: &str) -> Column {
        Column {
            name: "c".to_owned(),
            generated: false,
            always: false,
            width: None,
            type_name: type_name.to_owned(),
            own_type: None,
            wanted: true,
        }
    }

    #[test]
    fn a_wider_type_takes_nothing_away_and_any_other_may() {
        for (from, to) in [
            ("character varying(20)", "TEXT"),
            ("integer", "bigint"),
            ("smallint", "int"),
            ("bigint", "numeric"),
            ("jsonb", "jsonb"),
        ] {
            assert!(column(from).widens_to(to), "{from} to {to}");
        }
        for (from, to) in [
            ("text", "varchar(20)"),
            ("bigint", "integer"),
            ("numeric(12,4)", "numeric(12, 2)"),
            ("numeric", "bigint"),
            ("character(3)", "text"),
        ] {
            assert!(!column(from).widens_to(to), "{from} to {to}");
        }
    }
}

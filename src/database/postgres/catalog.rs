//! What the linter wants to know of a database: the relations that a plan names and those tied to them.
//!
//! One statement, of the catalog alone: it takes no lock on a relation of the user and reads no row of it, so sizes are those
//! that the last VACUUM or ANALYZE noted, or what the counted rows need at least, and expressions are read as the server keeps
//! them: its functions that tell sizes and write expressions out wait for whoever holds a table.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::lint::{Catalog, Column, Constraint, Relation, split_name};

use super::quote::{optional, text};

/// At most so many relations are described.
const MOST: usize = 5000;

/// The statement. Its last row is JSON.
pub(super) fn statement(names: &[String]) -> String {
    let wanted: Vec<String> = names
        .iter()
        .map(|name| {
            let (schema, name) = split_name(name);
            format!("({}, {})", optional(schema.as_deref()), text(&name))
        })
        .chain(std::iter::once("(null, null)".to_owned()))
        .collect();
    // The path of a run's session; what is of the server itself is looked up there first all the same.
    format!(
        "set local search_path to default; set local jit = off; {}",
        QUERY
            .replace("WANTED", &wanted.join(", "))
            .replace("MOST", &MOST.to_string())
            .replace("KEY(c)", &key("cn.nspname", "c.relname"))
            .replace("KEY(f)", &key("fn.nspname", "f.proname"))
            .replace("KEY(t)", &key("tn.nspname", "t.typname"))
    )
}

/// A name as [`Catalog::relations`] keys it.
fn key(schema: &str, name: &str) -> String {
    let part = |part: &str| {
        format!(
            "(case when {part} ~ '[.\"]' then '\"' || pg_catalog.replace({part}, '\"', '\"\"') || '\"' else {part}::text end)"
        )
    };
    format!("({} || '.' || {})", part(schema), part(name))
}

const QUERY: &str = "with recursive wanted (schema, name) as (values WANTED),
    visible as (select n.oid, n.nspname from pg_catalog.pg_namespace n
        where n.nspname = any (pg_catalog.current_schemas(false))),
    named as (
        select c.oid from wanted w join pg_catalog.pg_class c on c.relname = w.name
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where n.nspname = w.schema or w.schema is null and n.oid in (select v.oid from visible v)
        union select c.oid from wanted w join pg_catalog.pg_namespace n on n.nspname = w.name
            join pg_catalog.pg_class c on c.relnamespace = n.oid where w.schema is null and n.nspname !~ '^pg_'
        union select t.tgrelid from wanted w join pg_catalog.pg_proc f on f.proname = w.name
            join pg_catalog.pg_trigger t on t.tgfoid = f.oid and not t.tgisinternal
            join pg_catalog.pg_namespace n on n.oid = f.pronamespace
            where n.nspname = w.schema or w.schema is null and n.oid in (select v.oid from visible v)
        union select a.attrelid from wanted w join pg_catalog.pg_type t on t.typname = w.name and t.typtype in ('c', 'd', 'e')
            join pg_catalog.pg_namespace n on n.oid = t.typnamespace
            join pg_catalog.pg_attribute a on a.atttypid in (t.oid, t.typarray) and not a.attisdropped
            where n.nspname = w.schema or w.schema is null and n.oid in (select v.oid from visible v)
    ), tables as (
        select n.oid from named n union select i.indrelid from named n join pg_catalog.pg_index i on i.indexrelid = n.oid
    ), down (root, oid) as (
        select t.oid, i.inhrelid from tables t join pg_catalog.pg_inherits i on i.inhparent = t.oid
        union select d.root, i.inhrelid from down d join pg_catalog.pg_inherits i on i.inhparent = d.oid
    ), family as (
        select t.oid from tables t union select d.oid from down d
        union select i.inhparent from tables t join pg_catalog.pg_inherits i on i.inhrelid = t.oid
    ), neighbours as (
        select f.oid from family f
        union select k.confrelid from family f join pg_catalog.pg_constraint k on k.conrelid = f.oid and k.contype = 'f'
        union select k.conrelid from family f join pg_catalog.pg_constraint k on k.confrelid = f.oid and k.contype = 'f'
    ), below (root, oid) as (
        select n.oid, i.inhrelid from neighbours n join pg_catalog.pg_inherits i on i.inhparent = n.oid
        union select b.root, i.inhrelid from below b join pg_catalog.pg_inherits i on i.inhparent = b.oid
    ), meant as (
        select n.oid from neighbours n union select b.oid from below b
        union select i.indexrelid from family f join pg_catalog.pg_index i on i.indrelid = f.oid
        union select r.ev_class from family f join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjid = f.oid and d.classid = 'pg_catalog.pg_rewrite'::regclass join pg_catalog.pg_rewrite r on r.oid = d.objid
        union select d.refobjid from family f join pg_catalog.pg_rewrite r on r.ev_class = f.oid
            join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
    ), described as (
        select c.oid, c.relkind, c.reltuples, c.reltoastrelid, c.relpages, KEY(c) as key
        from meant m join pg_catalog.pg_class c on c.oid = m.oid join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'i', 'I', 'm', 'v', 'S', 'f') and cn.nspname !~ '^pg_toast'
        limit MOST
    ), keys as (select c.oid, KEY(c) as key from pg_catalog.pg_class c
        join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace where c.oid in (select m.oid from meant m)
    ), sizes as (
        select d.oid, greatest(d.relpages::int8 * pg_catalog.current_setting('block_size')::int8,
            pg_catalog.pg_stat_get_live_tuples(d.oid) * (28 + coalesce((select pg_catalog.sum(case when a.attlen > 0 then a.attlen else 16 end)
                from pg_catalog.pg_attribute a where a.attrelid = d.oid and a.attnum > 0 and not a.attisdropped), 0))) +
            coalesce((select pg_catalog.sum(x.relpages::int8) from pg_catalog.pg_class x where x.oid = d.reltoastrelid
                or x.oid in (select i.indexrelid from pg_catalog.pg_index i where i.indrelid in (d.oid, d.reltoastrelid))), 0)
                * pg_catalog.current_setting('block_size')::int8 as bytes
        from described d
    )
    select pg_catalog.json_build_object(
        'major', pg_catalog.current_setting('server_version_num')::int / 10000,
        'path', pg_catalog.to_json(pg_catalog.current_schemas(false)),
        'domains', (select coalesce(pg_catalog.json_agg(KEY(t)), '[]') from pg_catalog.pg_type t
            join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
            where t.typtype = 'd' and tn.nspname <> 'information_schema'
                and (t.typnotnull or exists (select from pg_catalog.pg_constraint k where k.contypid = t.oid))),
        'triggers', (select coalesce(pg_catalog.json_object_agg(f.key, f.tables), '{}') from (
            select KEY(f) as key, pg_catalog.json_agg(distinct KEY(c)) as tables
            from wanted w join pg_catalog.pg_proc f on f.proname = w.name join pg_catalog.pg_namespace fn on fn.oid = f.pronamespace
            join pg_catalog.pg_trigger t on t.tgfoid = f.oid and not t.tgisinternal
            join pg_catalog.pg_class c on c.oid = t.tgrelid join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
            where fn.nspname = w.schema or w.schema is null and fn.oid in (select v.oid from visible v)
            group by 1) f),
        'relations', coalesce((select pg_catalog.json_object_agg(d.key, pg_catalog.json_build_object(
            'kind', d.relkind, 'rows', case when d.reltuples >= 0 then d.reltuples::int8 end,
            'bytes', (select s.bytes from sizes s where s.oid = d.oid)::int8,
            'table', (select k.key from pg_catalog.pg_index i join keys k on k.oid = i.indrelid where i.indexrelid = d.oid),
            'parents', (select coalesce(pg_catalog.json_agg(k.key), '[]') from pg_catalog.pg_inherits i
                join keys k on k.oid = i.inhparent where i.inhrelid = d.oid),
            'children', (select coalesce(pg_catalog.json_agg(k.key order by k.key), '[]') from below w join keys k on k.oid = w.oid
                where w.root = d.oid),
            'default_partition', (select k.key from pg_catalog.pg_partitioned_table p join keys k on k.oid = p.partdefid
                where p.partrelid = d.oid),
            'views', (select coalesce(pg_catalog.json_agg(distinct k.key), '[]') from pg_catalog.pg_depend w
                join pg_catalog.pg_rewrite r on r.oid = w.objid join pg_catalog.pg_class v on v.oid = r.ev_class
                join keys k on k.oid = v.oid
                where w.refclassid = 'pg_catalog.pg_class'::regclass and w.refobjid = d.oid
                    and w.classid = 'pg_catalog.pg_rewrite'::regclass and v.oid <> d.oid and v.relkind in ('v', 'm')),
            'reads', (select coalesce(pg_catalog.json_agg(distinct k.key), '[]') from pg_catalog.pg_rewrite r
                join pg_catalog.pg_depend w on w.classid = 'pg_catalog.pg_rewrite'::regclass and w.objid = r.oid
                    and w.refclassid = 'pg_catalog.pg_class'::regclass and w.refobjid <> d.oid
                join keys k on k.oid = w.refobjid where r.ev_class = d.oid and d.relkind in ('v', 'm')),
            'foreign', (select coalesce(pg_catalog.json_agg(distinct k.key), '[]') from pg_catalog.pg_constraint f
                join keys k on k.oid = case f.conrelid when d.oid then f.confrelid else f.conrelid end
                where f.contype = 'f' and d.oid in (f.conrelid, f.confrelid)),
            'columns', (select coalesce(pg_catalog.json_object_agg(a.attname, pg_catalog.json_build_object(
                    'type_name', case when coalesce(en.nspname, tn.nspname) = 'pg_catalog'
                        then pg_catalog.format_type(a.atttypid, a.atttypmod)
                        else KEY(t) || coalesce(pg_catalog.substring(pg_catalog.format_type(a.atttypid, a.atttypmod), '[(].*[)]'), '')
                            || case when e.oid is null then '' else '[]' end end,
                    'not_null', a.attnotnull and not exists (select from pg_catalog.pg_constraint k where k.conrelid = d.oid
                        and k.contype = 'n' and k.conkey = array[a.attnum] and not k.convalidated))), '{}')
                from pg_catalog.pg_attribute a
                join pg_catalog.pg_type w on w.oid = a.atttypid
                left join pg_catalog.pg_type e on e.typarray = w.oid
                left join pg_catalog.pg_namespace en on en.oid = e.typnamespace
                join pg_catalog.pg_type t on t.oid = coalesce(e.oid, w.oid)
                join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
                where a.attrelid = d.oid and a.attnum > 0 and not a.attisdropped and d.relkind <> 'S'),
            'constraints', (select coalesce(pg_catalog.json_object_agg(k.conname, pg_catalog.json_build_object(
                    'kind', k.contype, 'validated', k.convalidated,
                    'other', (select o.key from keys o where o.oid = k.confrelid),
                    'columns', (select coalesce(pg_catalog.json_agg(a.attname order by x.place), '[]')
                        from pg_catalog.unnest(k.conkey) with ordinality x (number, place)
                        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.number),
                    'not_null', k.contype = 'c'
                        and k.conbin::text ~ '^[{]NULLTEST :arg [{]VAR [^{}]*[}] :nulltesttype 1 ')), '{}')
                from pg_catalog.pg_constraint k where k.conrelid = d.oid and k.contype in ('c', 'f', 'p', 'u', 'x', 'n'))
        )) from described d), '{}'))::text";

/// The statement's answer.
#[derive(Deserialize)]
pub(super) struct Answer {
    major: u32,
    path: Vec<String>,
    domains: Vec<String>,
    triggers: BTreeMap<String, Vec<String>>,
    relations: BTreeMap<String, Described>,
}

#[derive(Deserialize)]
struct Described {
    kind: char,
    rows: Option<u64>,
    bytes: u64,
    table: Option<String>,
    parents: Vec<String>,
    children: Vec<String>,
    default_partition: Option<String>,
    views: Vec<String>,
    reads: Vec<String>,
    foreign: Vec<String>,
    columns: BTreeMap<String, DescribedColumn>,
    constraints: BTreeMap<String, DescribedConstraint>,
}

#[derive(Deserialize)]
struct DescribedColumn {
    type_name: String,
    not_null: bool,
}

#[derive(Deserialize)]
struct DescribedConstraint {
    kind: char,
    validated: bool,
    other: Option<String>,
    columns: Vec<String>,
    not_null: Option<bool>,
}

impl From<Answer> for Catalog {
    fn from(answer: Answer) -> Self {
        let Answer { major, path, domains, triggers, relations } = answer;
        let column = |DescribedColumn { type_name, not_null }| Column { type_name, not_null };
        let constraint = |DescribedConstraint { kind, validated, other, columns, not_null }| Constraint {
            kind,
            columns,
            other,
            validated,
            not_null: not_null.unwrap_or(false),
        };
        let relation = |described: Described| Relation {
            kind: described.kind,
            rows: described.rows,
            bytes: described.bytes,
            columns: described.columns.into_iter().map(|(name, one)| (name, column(one))).collect(),
            foreign: described.foreign,
            table: described.table,
            constraints: described.constraints.into_iter().map(|(name, one)| (name, constraint(one))).collect(),
            children: described.children,
            parents: described.parents,
            default_partition: described.default_partition,
            views: described.views,
            reads: described.reads,
        };
        Self {
            major: Some(major),
            relations: relations.into_iter().map(|(name, one)| (name, relation(one))).collect(),
            triggers,
            domains: domains.into_iter().collect(),
            search_path: path,
            known: true,
        }
    }
}

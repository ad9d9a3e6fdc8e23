//! The questions to the catalog about what a statement takes away: expressions that give JSON. Texts only.

use super::super::loss::read::Target;
use super::super::quote::text;
use super::super::recognise::Name;

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
        Target::Table(table) => Some(facts(&found(table, false, reach), never, Born::Before)),
        Target::Truncated { table, only, .. } | Target::Rows { table, only, .. } => {
            Some(facts(&found(table, *only, reach), never, Born::Before))
        }
        Target::Schema(schema) => Some(facts(
            &format!(
                "select c.oid, false, false from pg_catalog.pg_class c where c.relkind in ('r', 'p') and not c.relispartition
                    and c.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = {})",
                text(schema)
            ),
            never,
            Born::Before,
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
                "select c.oid, false, false from pg_catalog.pg_class c where c.relkind in ('r', 'p') and not c.relispartition and exists (
                    select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                    and a.attinhcount = 0 and {of_type})"
            );
            Some(facts(&tables, &of_type, Born::Before))
        }
        Target::Column { table, column } | Target::Retyped { table, column, .. } => {
            let table = format!("select pg_catalog.to_regclass({})::oid, false, false", text(&table.quoted()));
            Some(facts(&table, &format!("a.attname = {}", text(column)), Born::Before))
        }
        Target::Unclear(_) => None,
    }
}

/// The columns of a schema's types in tables of other schemas, which go with it: likewise an expression.
pub(super) fn of_types_of(schema: &str) -> String {
    let of_type = format!(
        "a.atttypid in (with recursive used as (
            select t.oid from pg_catalog.pg_type t join pg_catalog.pg_namespace m on m.oid = t.typnamespace where m.nspname = {}
            union select t.oid from used u join pg_catalog.pg_type t on t.typbasetype = u.oid or t.typelem = u.oid and t.typcategory = 'A')
            select oid from used)",
        text(schema)
    );
    let tables = format!(
        "select c.oid, false, false from pg_catalog.pg_class c where c.relkind in ('r', 'p') and not c.relispartition
            and c.relnamespace <> (select oid from pg_catalog.pg_namespace where nspname = {}) and exists (
                select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and a.attinhcount = 0 and {of_type})",
        text(schema)
    );
    facts(&tables, &of_type, Born::Before)
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
                    where k.confrelid = f.oid and k.contype = 'f' and k.conparentid = 0 and ({handed_on})
                union all select d.refobjid, true from pg_catalog.pg_rewrite w join pg_catalog.pg_depend d
                    on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
                        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> w.ev_class
                    join pg_catalog.pg_class v on v.oid = w.ev_class and v.relkind = 'v' where w.ev_class = f.oid) x)
        select oid, pg_catalog.bool_and(reached), pg_catalog.bool_or(reached) from found group by oid",
        name = text(&table.quoted())
    )
}

/// The table of this oid, if it is there.
pub(super) fn by_oid(oid: i64) -> String {
    facts(&format!("select {oid}::pg_catalog.oid, false, false"), "false", Born::Whenever)
}

/// The table of this oid, an expression, as it is now, whoever created it.
pub(super) fn now(oid: &str) -> String {
    facts(&format!("select {oid}, false, false"), "false", Born::Whenever)
}

/// What the body of a function looks like that takes something away.
const CHANGES: &str =
    r#"E'\\m(update\\s+(only\\s+)?["a-z]|delete\\s+from|truncate\\s|merge\\s+into|drop\\s+table|execute\\s)'"#;

/// Whether none of the functions gives another answer each time: an expression.
pub(super) fn steady(asked: &[Name]) -> String {
    let names: Vec<String> = asked.iter().map(|call| text(call.last())).collect();
    if names.is_empty() {
        return "true".to_owned();
    }
    format!(
        "not exists (select from pg_catalog.pg_proc p where p.provolatile = 'v' and p.proname in ({}))",
        names.join(", ")
    )
}

/// Those of the functions that take something away, as a JSON array of their names: an expression.
pub(super) fn functions(calls: &[Name]) -> String {
    let any = calls.iter().map(|call| match call.0.as_slice() {
        [schema, name] => format!("n.nspname = {} and p.proname = {}", text(schema), text(name)),
        _ => format!("p.proname = {} and pg_catalog.pg_function_is_visible(p.oid)", text(call.last())),
    });
    let any: Vec<String> = any.collect();
    if any.is_empty() {
        return "'[]'::json".to_owned();
    }
    format!(
        "(select coalesce(pg_catalog.json_agg(distinct pg_catalog.concat(n.nspname, '.', p.proname)), '[]') from pg_catalog.pg_proc p
            join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where n.nspname not in ('pg_catalog', 'information_schema') and p.prosrc ~* {CHANGES} and ({}))",
        any.join(" or ")
    )
}

/// Which tables are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Born {
    /// What this very transaction created holds nothing that was there before.
    Before,
    Whenever,
}

fn facts(found: &str, wanted: &str, born: Born) -> String {
    let old = "and not exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum = -1
                and a.xmin = pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid)";
    let old = if born == Born::Before { old } else { "" };
    format!(
        "(select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname,
            'kind', c.relkind, 'filtered', pg_catalog.row_security_active(c.oid), 'reached', f.reached, 'again', f.again,
            'rules', exists (select from pg_catalog.pg_rewrite w where w.ev_class = c.oid and w.ev_type <> '1'),
            'intercepted', exists (select from pg_catalog.pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled <> 'D'
                    and g.tgtype & 3 = 3),
            'after_triggers', (select coalesce(pg_catalog.json_agg(g.tgname order by g.tgname), '[]') from pg_catalog.pg_trigger g
                join pg_catalog.pg_proc p on p.oid = g.tgfoid and p.prosrc ~* {changes}
                where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled in ('O', 'A') and g.tgtype & 66 = 0
                    and g.tgtype & 24 <> 0),
            'rows', size.rows, 'bytes', size.bytes,
            'created', (select m.xmin::text::bigint from pg_catalog.pg_attribute m where m.attrelid = c.oid and m.attnum = -1),
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
        from ({found}) f(oid, reached, again) join pg_catalog.pg_class c on c.oid = f.oid
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            cross join lateral (
                with recursive tree as (select c.oid as oid union select i.inhrelid from tree b
                    join pg_catalog.pg_inherits i on i.inhparent = b.oid and c.relkind = 'p')
                select coalesce(pg_catalog.sum(pg_catalog.pg_table_size(l.oid)), 0)::bigint as bytes,
                    case when pg_catalog.bool_and(l.reltuples >= 0) then pg_catalog.sum(l.reltuples)::bigint end as rows
                from tree b join pg_catalog.pg_class l on l.oid = b.oid where l.relkind in ('r', 'f')) size
        where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't' {old})",
        changes = CHANGES,
    )
}

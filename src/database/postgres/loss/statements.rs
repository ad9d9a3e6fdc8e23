//! The statements by which rows are counted. Texts only; what they answer is JSON.

use super::super::quote::{ident, list, text};

/// Counting ends one row after the last that is told.
const LIMIT: u64 = crate::database::COUNTED + 1;

/// Where each version of these keys came from: the transaction that the ledger remembers, or else those that wrote its
/// rows of the ledger. A row's `xmin` still tells its transaction when the row was frozen long ago.
pub(super) fn origins<'a>(schema: &str, keys: impl IntoIterator<Item = &'a str>) -> String {
    format!(
        "select coalesce(json_object_agg(m.key, json_build_object(
            'row', case
                when age(m.xmin) <= {age} then json_build_object(
                    'xid', m.applied_transaction::text::bigint % 4294967296, 'age', {age})
                when m.status = 'completed' and m.updated_at - m.applied_at < interval '1 s' then
                    json_build_object('xid', m.xmin::text::bigint, 'age', age(m.xmin))
                end,
            'under_way', (select coalesce(json_agg(x::text::bigint % 4294967296), '[]')
                from pg_snapshot_xip(m.applied_snapshot) x where x <> m.applied_transaction),
            'baseline', m.baseline, 'run', m.run_id,
            'steps', (select coalesce(json_agg(json_build_object('xid', s.xmin::text::bigint, 'age', age(s.xmin))), '[]')
                from {schema}.migration_steps s
                where s.key = m.key and s.direction = 'up' and s.attempt = (select max(l.attempt)
                    from {schema}.migration_steps l where l.key = m.key and l.direction = 'up')))), '{{}}')::text
        from {schema}.schema_migrations m where m.key in ({})",
        list(keys),
        // A row that seems older than what it remembers was restored into a server that counts for itself.
        age = "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint - m.applied_transaction::text::bigint)",
    )
}

/// The object identifier that a name has in the session as it is.
pub(super) fn relation(quoted: &str) -> String {
    format!("select pg_catalog.json_build_object('oid', pg_catalog.to_regclass({})::oid::bigint)::text", text(quoted))
}

/// Likewise of a type.
pub(super) fn data_type(quoted: &str) -> String {
    format!("select pg_catalog.json_build_object('oid', pg_catalog.to_regtype({})::oid::bigint)::text", text(quoted))
}

/// What a relation and those below it are. `which` selects from `pg_class c`.
pub(super) fn tables(which: &str) -> String {
    format!(
        "with recursive found as (select c.oid from pg_class c where {which})
        select coalesce(json_agg({} order by n.nspname, c.relname), '[]')::text
        from found f join pg_class c on c.oid = f.oid join pg_namespace n on n.oid = c.relnamespace",
        facts()
    )
}

/// A table and those that `TRUNCATE … CASCADE` empties with it.
pub(super) fn truncated(oid: i64) -> String {
    format!(
        "with recursive found as (
            select {oid}::oid as oid
            union select k.conrelid from found f join pg_constraint k on k.confrelid = f.oid and k.contype = 'f')
        select coalesce(json_agg({} order by n.nspname, c.relname), '[]')::text
        from found f join pg_class c on c.oid = f.oid join pg_namespace n on n.oid = c.relnamespace",
        facts()
    )
}

/// The tables of a schema, each with its partitions and children, which are not told again.
pub(super) fn of_schema(schema: &str) -> String {
    format!(
        "c.relkind in ('r', 'p') and c.relnamespace = (select oid from pg_namespace where nspname = {})
            and not exists (select from pg_inherits i join pg_class p on p.oid = i.inhparent
                where i.inhrelid = c.oid and p.relnamespace = c.relnamespace)",
        text(schema)
    )
}

fn facts() -> String {
    format!(
        "json_build_object('schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
            'created', (select a.xmin::text::bigint from pg_attribute a where a.attrelid = c.oid and a.attnum = -1),
            'readable', has_table_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE'),
            'filtered', row_security_active(c.oid), 'holds_rows', {})",
        // Partitions and children hold the rows of a parent.
        "(with recursive below as (select c.oid as oid union select i.inhrelid from below b join pg_inherits i on i.inhparent = b.oid)
            select coalesce(sum(pg_relation_size(b.oid)), 0) > 0 from below b)"
    )
}

/// The columns of tables. `which` selects from `pg_attribute a` with its `pg_class c`.
pub(super) fn columns(which: &str) -> String {
    format!(
        "select coalesce(json_agg(json_build_object('table', {}, 'name', a.attname, 'created', a.xmin::text::bigint,
            'generated', a.attgenerated <> '', 'type', format_type(a.atttypid, a.atttypmod),
            'missing', case when a.atthasmissing then a.attmissingval::text end,
            'default', case when {CONSTANT} then pg_get_expr(d.adbin, d.adrelid) end) order by n.nspname, c.relname, a.attname), '[]')::text
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
            left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and {which}",
        facts()
    )
}

/// Whether a default is the same for each row: nothing in it but constants and functions of them.
const CONSTANT: &str = "d.adbin::text !~ '[{](NEXTVALUEEXPR|SQLVALUEFUNCTION|SUBLINK|PARAM|COERCEVIAIO)'
    and not exists (select from regexp_matches(d.adbin::text, ':(?:op)?funcid (\\d+)', 'g') f
        join pg_proc p on p.oid = f[1]::oid where p.provolatile <> 'i')";

/// The columns of a type, of arrays of it and of domains over it.
pub(super) fn of_type(oid: i64) -> String {
    format!(
        "a.attinhcount = 0 and a.atttypid in (
            with recursive used as (select {oid}::oid as oid union select t.oid from used u join pg_type t
                on t.typbasetype = u.oid or t.typelem = u.oid and t.typcategory = 'A')
            select oid from used)"
    )
}

/// Rows of a table that satisfy the conditions, up to the limit.
pub(super) fn count(table: &str, only: bool, alias: &str, conditions: &[String]) -> String {
    let only = if only { "only " } else { "" };
    format!(
        "select pg_catalog.json_build_object('rows', pg_catalog.count(*))::text from (
            select from {only}{table} as {} where {} limit {LIMIT}) as counted",
        ident(alias),
        if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") }
    )
}

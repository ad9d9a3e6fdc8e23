//! The statements behind ready-made checks: counting rows, looking for what is not whole, reading the server's counters.
//!
//! Texts only. Where what to ask depends on the catalog, a first statement gives the parts of a second one, names quoted by
//! the server itself.

use serde::Deserialize;

use crate::database::CountBy;

use super::quote::text;
use super::statements::{Sql, is_applications};

/// A part of a statement: what it is about, and an expression that counts it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Part {
    pub name: String,
    pub sql: String,
}

/// One statement of parts: a JSON object of counts by name. `None` of nothing.
pub(super) fn sums(parts: &[Part]) -> Option<String> {
    if parts.is_empty() {
        return None;
    }
    let rows: Vec<String> =
        parts.iter().map(|Part { name, sql }| format!("select {} as name, ({sql}) as n", text(name))).collect();
    Some(format!(
        "select coalesce(pg_catalog.json_object_agg(name, n), '{{}}')::text from ({}) sluice_counted",
        rows.join(" union all ")
    ))
}

/// The tables that are meant. By reading: their parts. By statistics: the estimates themselves.
///
/// An estimate is what the planner expects (rows per page when the table was last analysed, times its pages now) or what the
/// server counted since, whichever is more: after a crash the one may be gone, after many changes the other is old.
pub(super) fn tables(named: &[String], by: CountBy) -> String {
    const ESTIMATE: &str = "greatest(case when l.reltuples > 0 and l.relpages > 0
            then l.reltuples / l.relpages * (pg_catalog.pg_relation_size(l.oid) / pg_catalog.current_setting('block_size')::int)
            else 0 end, pg_catalog.pg_stat_get_live_tuples(l.oid))";
    let meant = if named.is_empty() {
        format!(
            "select pg_catalog.format('%I.%I', n.nspname, c.relname) as name, c.oid, c.relkind
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and not c.relispartition and {}
                and pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT')
                and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass
                    and d.objid = c.oid and d.deptype = 'e')",
            is_applications("n")
        )
    } else {
        let names: Vec<String> = named.iter().map(|name| format!("({})", text(name))).collect();
        format!(
            "select t.name, c.oid, c.relkind from (values {}) t (name)
            join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(t.name) and c.relkind in ('r', 'p', 'm', 'v', 'f')",
            names.join(", ")
        )
    };
    let what = match by {
        CountBy::Reading => "coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', m.name, 'sql',
            pg_catalog.format('select pg_catalog.count(*) from %I.%I', n.nspname, c.relname))), '[]')"
            .to_owned(),
        CountBy::Statistics => format!(
            "coalesce(pg_catalog.json_object_agg(m.name, (select coalesce(pg_catalog.sum({ESTIMATE}), 0)::int8
                from pg_catalog.pg_class l where case when c.relkind = 'p'
                    then l.oid in (select p.relid from pg_catalog.pg_partition_tree(c.oid) p where p.isleaf)
                    else l.oid = c.oid end)), '{{}}')"
        ),
    };
    format!(
        "set local search_path = public; select {what}::text from ({meant}) m
            join pg_catalog.pg_class c on c.oid = m.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    )
}

/// Foreign keys that the server does not watch over: parts that count rows without their partner, at most 10000 each. Keys of
/// partitions are looked after with those of their table, and keys over periods not at all.
pub(super) const FOREIGN_KEYS: &str = "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', pg_catalog.format('%I on %I.%I', k.conname, cn.nspname, c.relname),
        'sql', pg_catalog.format(
            'select pg_catalog.count(*) from (select from %s%I.%I c where (%s) and not exists (select from %s%I.%I p where %s) limit 10000) o',
            case c.relkind when 'r' then 'only ' else '' end, cn.nspname, c.relname, columns.given,
            case p.relkind when 'r' then 'only ' else '' end, pn.nspname, p.relname, columns.same))), '[]')::text
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
    join pg_catalog.pg_class p on p.oid = k.confrelid join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    cross join lateral (
        select pg_catalog.string_agg(pg_catalog.format('c.%I is not null', ca.attname),
                case k.confmatchtype when 'f' then ' or ' else ' and ' end) as given,
            pg_catalog.string_agg(pg_catalog.format('p.%I operator(%I.%s) c.%I', pa.attname, o.nspname, o.oprname, ca.attname),
                ' and ') as same
        from rows from (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop))
            f (child, parent, operator)
        join pg_catalog.pg_attribute ca on ca.attrelid = c.oid and ca.attnum = f.child
        join pg_catalog.pg_attribute pa on pa.attrelid = p.oid and pa.attnum = f.parent
        join (select o.oid, o.oprname, n.nspname from pg_catalog.pg_operator o
            join pg_catalog.pg_namespace n on n.oid = o.oprnamespace) o on o.oid = f.operator
    ) columns
    where k.contype = 'f' and k.conparentid = 0 and coalesce(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false') = 'false'
        and (not k.convalidated or exists (select from pg_catalog.pg_trigger t where t.tgconstraint = k.oid and t.tgenabled in ('D', 'R')))";

/// Indexes that are not valid and that nobody is building, and constraints that are not validated.
pub(super) const INVALID_OBJECTS: &str = "select coalesce(pg_catalog.json_agg(found.what), '[]')::text from (
        select pg_catalog.format('index %I.%I', n.nspname, c.relname) as what
        from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where not (i.indisvalid and i.indisready and i.indislive) and n.nspname !~ '^pg_t(emp|oast)'
            and not exists (select from pg_catalog.pg_stat_progress_create_index b where b.index_relid = i.indexrelid)
        union all
        select pg_catalog.format('constraint %I on %I.%I', k.conname, n.nspname, c.relname)
        from pg_catalog.pg_constraint k join pg_catalog.pg_class c on c.oid = k.conrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where not k.convalidated
    ) found";

/// The database's counters.
pub(super) const ACTIVITY: &str = "select pg_catalog.json_build_object(
        'commits', pg_catalog.pg_stat_get_db_xact_commit(d.oid), 'rollbacks', pg_catalog.pg_stat_get_db_xact_rollback(d.oid),
        'deadlocks', pg_catalog.pg_stat_get_db_deadlocks(d.oid),
        'conflicts', pg_catalog.pg_stat_get_db_conflict_all(d.oid), 'sessions', pg_catalog.pg_stat_get_db_sessions(d.oid),
        'abandoned', pg_catalog.pg_stat_get_db_sessions_abandoned(d.oid),
        'fatal', pg_catalog.pg_stat_get_db_sessions_fatal(d.oid),
        'killed', pg_catalog.pg_stat_get_db_sessions_killed(d.oid))::text
    from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()";

/// The ledger, where it is there: an array of one part or none. JSON.
pub(super) fn ledger_is_there(sql: &Sql) -> String {
    format!(
        "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', c.relname, 'sql', '')), '[]')::text
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where n.nspname = {name} and c.relname = 'v_migration_audit'",
        name = sql.name
    )
}

/// What is wrong with the ledger. JSON.
pub(super) fn ledger_faults(sql: &Sql) -> String {
    let schema = &sql.schema;
    format!(
        "select pg_catalog.json_build_object(
            'changed', (select pg_catalog.count(*) from {schema}.v_migration_audit a where a.intact is not true),
            'open', (select pg_catalog.count(*) from {schema}.migration_runs r where r.outcome is null
                and r.ordinal < (select pg_catalog.max(n.ordinal) from {schema}.migration_runs n)))::text"
    )
}

//! The statements that ask for what must hold before SQL runs. Texts only.
//!
//! Each fact is an expression that gives JSON, so that all are asked for at once, and each on its own where the server
//! refuses one. None of them reads the text of a query out, or waits for a lock.

use crate::database::postgres::quote::{optional, text};
use crate::lint::split_name;

/// Keeps the schemas of the session's own search path where [`meant`] finds them, and looks everything else up where it is the
/// server's.
pub(super) const PATH: &str =
    "select pg_catalog.set_config('sluice.schemas', pg_catalog.current_schemas(false)::pg_catalog.text, true);
    set local search_path = pg_catalog, pg_temp;";

/// A fact's name in the answer, and the expression that gives it.
pub(super) type Piece = (&'static str, String);

/// All pieces, the server's own first.
pub(super) fn pieces(tables: &[String]) -> Vec<Piece> {
    let meant = meant(tables);
    vec![
        ("server", SERVER.to_owned()),
        ("powers", POWERS.to_owned()),
        ("extensions", EXTENSIONS.to_owned()),
        ("connections", CONNECTIONS.to_owned()),
        ("sessions", SESSIONS.to_owned()),
        ("prepared", PREPARED.to_owned()),
        ("standbys", standbys()),
        ("slots", slots()),
        ("archiving", ARCHIVING.to_owned()),
        ("tables", tables_of(&meant)),
        ("vacuums", vacuums(&meant)),
        ("invalid_indexes", invalid_indexes(&meant)),
        ("database_age", DATABASE_AGE.to_owned()),
    ]
}

/// Several pieces as one statement: a JSON object.
pub(super) fn together<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> String {
    let pieces: Vec<String> = pieces.into_iter().map(|(name, sql)| format!("'{name}', ({sql})")).collect();
    format!("select pg_catalog.json_build_object({})::text", pieces.join(", "))
}

/// Sizes, which may wait for a lock and walk through folders.
pub(super) fn sizes(tables: &[String], may_list_wal: bool) -> String {
    let wal = if may_list_wal { "(select coalesce(sum(w.size), 0)::int8 from pg_ls_waldir() w)" } else { "null::int8" };
    format!(
        "select json_build_object(
            'databases', (select case when bool_and(may) then sum(case when may then pg_database_size(oid) end)::int8 end
                from (select oid, has_database_privilege(oid, 'CONNECT') or pg_has_role('pg_read_all_stats', 'USAGE') as may
                    from pg_database) d),
            'wal', {wal},
            'table_bytes', (select coalesce(json_agg(json_build_array(m.name, m.bytes)), '[]') from (
                select m.name, coalesce(sum(pg_total_relation_size(p.oid)), 0)::int8 as bytes
                from ({}) m cross join lateral {PARTS} group by m.name) m))::text",
        meant(tables)
    )
}

/// A table with its partitions: a lateral table of `m`.
const PARTS: &str = "(select c.* from (select m.oid union select t.relid from pg_partition_tree(m.oid) t) x
        join pg_class c on c.oid = x.oid) p";

/// The tables that names mean: `number`, `name`, `nsp` (where it is, or would be), `oid` (null where there is none). Those without a
/// schema are looked for in the session's search path.
fn meant(tables: &[String]) -> String {
    let names: Vec<String> = tables
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let (schema, table) = split_name(name);
            format!("({number}, {}::text, {}::text, {}::text)", text(name), optional(schema.as_deref()), text(&table))
        })
        .collect();
    let values = if names.is_empty() {
        "select 0 as number, ''::text as name, null::text as nsp, ''::text as rel where false".to_owned()
    } else {
        format!("select * from (values {}) v (number, name, nsp, rel)", names.join(", "))
    };
    format!(
        "select a.number, a.name, coalesce(found.nsp, a.nsp, (path.schemas)[1]::text) as nsp, found.oid
        from ({values}) a
        cross join (select current_setting('sluice.schemas')::name[] as schemas) path
        left join lateral (select n.nspname::text as nsp, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relname = a.rel and c.relkind in ('r', 'p', 'm', 'v', 'f')
                and case when a.nsp is null then n.nspname = any (path.schemas) else n.nspname = a.nsp end
            order by array_position(path.schemas, n.nspname) limit 1) found on true"
    )
}

const SERVER: &str = "select json_build_object('now', clock_timestamp(),
        'version', current_setting('server_version_num')::int,
        'encoding', (select pg_encoding_to_char(encoding) from pg_database where datname = current_database()),
        'role', current_user, 'may_list_wal', has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE'))";

/// What the role that logged in may do, as itself or as a role that it can become; a script can go back to it.
const POWERS: &str = "select coalesce(json_agg(json_build_object('privilege', g.privilege, 'through', g.through)), '[]') from (
        select p.privilege, (array_agg(r.rolname order by r.oid <> me.oid, r.rolname))[1] as through
        from pg_roles me join pg_roles r on r.oid = me.oid or not me.rolsuper and (
            pg_has_role(me.oid, r.oid, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
            or r.rolname in ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
                and pg_has_role(me.oid, r.oid, 'USAGE'))
        cross join lateral (values
            ('Superuser', r.rolsuper), ('BypassRls', r.rolsuper or r.rolbypassrls),
            ('Replication', r.rolsuper or r.rolreplication), ('CreateRole', r.rolsuper or r.rolcreaterole),
            ('CreateDb', r.rolsuper or r.rolcreatedb),
            ('ServerFiles', r.rolsuper or r.rolname in ('pg_read_server_files', 'pg_write_server_files')),
            ('ExecuteProgram', r.rolsuper or r.rolname = 'pg_execute_server_program')) p (privilege, has)
        where me.rolname = session_user and p.has group by p.privilege) g";

/// Who may install an extension: a superuser; whoever may create in the database, where the extension is trusted; the roles
/// by which providers stand in for a superuser.
const EXTENSIONS: &str = "select coalesce(json_agg(json_build_object('name', a.name, 'installed', a.installed, 'may_install', a.available
            and (me.rolsuper or a.trusted and has_database_privilege(current_database(), 'CREATE') or me.stands_in)) order by a.name), '[]')
    from (select coalesce(a.name, e.extname) as name, e.extversion as installed, a.name is not null as available,
            exists (select from pg_available_extension_versions v where v.name = a.name and v.version = a.default_version
                and (v.trusted or not v.superuser)) as trusted
        from pg_available_extensions a full join pg_extension e on e.extname = a.name) a
    cross join (select r.rolsuper, exists (select from pg_roles s where s.rolname in ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin')
                and pg_has_role(s.oid, 'USAGE')) as stands_in
        from pg_roles r where r.rolname = current_user) me";

/// Of a session that the role may not see, the server tells neither what it is nor what it does; only that it is there.
const CONNECTIONS: &str = "select json_build_object('used', count(*), 'max', current_setting('max_connections')::int,
        'reserved', case when me.rolsuper then 0 else current_setting('superuser_reserved_connections')::int
            + case when current_setting('server_version_num')::int < 160000 or exists (select from pg_roles r
                    where r.rolname = 'pg_use_reserved_connections' and pg_has_role(r.oid, 'USAGE')) then 0
                else coalesce(current_setting('reserved_connections', true), '0')::int end end,
        'role_used', count(*) filter (where a.usesysid = me.oid),
        'role_limit', case when me.rolconnlimit >= 0 and not me.rolsuper then me.rolconnlimit end,
        'database_used', count(*) filter (where a.datid = d.oid),
        'database_limit', case when d.datconnlimit >= 0 and not me.rolsuper then d.datconnlimit end)
    from pg_stat_activity a
    cross join (select oid, rolsuper, rolconnlimit from pg_roles where rolname = session_user) me
    cross join (select oid, datconnlimit from pg_database where datname = current_database()) d
    where a.datid is not null and a.usesysid is not null and coalesce(a.backend_type, 'client backend') = 'client backend'
        and a.pid not in (select w.pid from pg_stat_get_wal_senders() w where w.pid is not null)
    group by me.oid, me.rolsuper, me.rolconnlimit, d.oid, d.datconnlimit";

const SESSIONS: &str = "select json_build_object(
        'seen', (select coalesce(json_agg(s.fact order by s.since), '[]') from (
            select a.xact_start as since, json_build_object('pid', a.pid, 'role', coalesce(a.usename, ''),
                'application', coalesce(a.application_name, ''), 'since', a.xact_start,
                'idle_since', case when a.state like 'idle in transaction%' then a.state_change end) as fact
            from pg_stat_activity a
            where a.datname = current_database() and a.pid <> pg_backend_pid() and a.xact_start is not null and a.leader_pid is null
                and a.backend_type not like 'autovacuum%' and a.backend_type <> 'parallel worker'
            order by a.xact_start limit 100) s),
        'hidden', exists (select from pg_stat_activity a
            where a.datname = current_database() and a.usesysid is not null and a.backend_type is null))";

const PREPARED: &str = "select coalesce(json_agg(json_build_object('gid', x.gid, 'owner', x.owner, 'since', x.prepared)
            order by x.prepared, x.gid), '[]')
    from pg_prepared_xacts x where x.database = current_database()";

/// Where WAL is written, or replayed, now.
const NOW: &str =
    "(select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn) now";

/// What streams without replaying (pg_receivewal) is measured by what it has written.
fn standbys() -> String {
    format!(
        "select json_build_object('hidden', coalesce(bool_or(s.state is null), false),
            'seen', coalesce(json_agg(json_build_object('name', coalesce(s.application_name, ''), 'catching_up', s.state = 'catchup',
                'lag_ms', (extract(epoch from case when s.replay_lsn is null then s.flush_lag else s.replay_lag end) * 1000)::int8,
                'bytes', greatest(pg_wal_lsn_diff(now.lsn, coalesce(s.replay_lsn, s.flush_lsn)), 0)::int8)
                order by s.application_name, s.pid) filter (where s.state in ('streaming', 'catchup')), '[]'))
        from pg_stat_replication s cross join {NOW}"
    )
}

fn slots() -> String {
    format!(
        "select coalesce(json_agg(json_build_object('name', s.slot_name, 'active', s.active, 'wal', coalesce(s.wal_status, 'reserved'),
                'retained', coalesce(greatest(pg_wal_lsn_diff(now.lsn, s.restart_lsn), 0), 0)::int8) order by s.slot_name), '[]')
        from pg_replication_slots s cross join {NOW}"
    )
}

const ARCHIVING: &str = "select json_build_object('asked', current_setting('archive_mode') <> 'off',
        'failing', coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false),
        'file', coalesce(a.last_failed_wal, ''), 'last', a.last_archived_time)
    from pg_stat_archiver a";

/// The age of the oldest transaction id of a table `p` and its TOAST table, as a share of the age at which a vacuum against
/// wraparound begins, in percent.
const WRAPAROUND: &str = "(select coalesce(max(greatest(
            age(t.relfrozenxid)::int8 * 100 / least(current_setting('autovacuum_freeze_max_age')::int8,
                (select o.option_value::int8 from pg_options_to_table(t.reloptions) o where o.option_name = 'autovacuum_freeze_max_age')),
            mxid_age(t.relminmxid)::int8 * 100 / least(current_setting('autovacuum_multixact_freeze_max_age')::int8,
                (select o.option_value::int8 from pg_options_to_table(t.reloptions) o
                    where o.option_name = 'autovacuum_multixact_freeze_max_age')))), 0)
        from pg_class t where t.oid in (p.oid, p.reltoastrelid) and t.relkind in ('r', 'm', 't') and t.relfrozenxid::text <> '0')";

fn tables_of(meant: &str) -> String {
    format!(
        "select coalesce(json_agg(json_build_object('name', m.name, 'schema', m.nsp,
            'may_create', coalesce((select has_schema_privilege(n.oid, 'CREATE') from pg_namespace n where n.nspname = m.nsp),
                has_database_privilege(current_database(), 'CREATE')),
            'there', case when c.oid is not null then json_build_object('owner', pg_get_userbyid(c.relowner),
                'owns', pg_has_role(c.relowner, 'USAGE'),
                'may_use', has_schema_privilege(c.relnamespace, 'USAGE') and (
                    has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                    or has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')),
                'wraparound', (select coalesce(max({WRAPAROUND}), 0) from {PARTS})) end) order by m.number), '[]')
        from ({meant}) m left join pg_class c on c.oid = m.oid"
    )
}

fn vacuums(meant: &str) -> String {
    format!(
        "select json_build_object('hidden', exists (select from pg_stat_progress_vacuum v
                where v.datname = current_database() and v.relid is null),
            'seen', (select coalesce(json_agg(json_build_object('table', m.name, 'pid', v.pid,
                    'wraparound', coalesce(a.query like '%(to prevent wraparound)', false)) order by m.number, v.pid), '[]')
                from ({meant}) m cross join lateral {PARTS}
                join pg_stat_progress_vacuum v on v.datname = current_database() and v.relid in (p.oid, p.reltoastrelid)
                left join pg_stat_activity a on a.pid = v.pid))"
    )
}

fn invalid_indexes(meant: &str) -> String {
    format!(
        "select coalesce(json_agg(json_build_object('index', format('%I.%I', n.nspname, c.relname), 'name', c.relname,
                'table', m.name) order by m.number, n.nspname, c.relname), '[]')
        from ({meant}) m cross join lateral {PARTS} join pg_index i on i.indrelid = p.oid
        join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
        where not (i.indisvalid and i.indisready and i.indislive)
            and not exists (select from pg_stat_progress_create_index b where b.index_relid = i.indexrelid)"
    )
}

const DATABASE_AGE: &str = "select greatest(age(d.datfrozenxid), mxid_age(d.datminmxid))
    from pg_database d where d.datname = current_database()";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_cannot_end_their_quotes() {
        let sql = meant(&[r"a'b.c\d".to_owned(), "plain".to_owned()]);
        assert!(sql.contains(r"(0, E'a''b.c\\d'::text, 'a''b'::text, E'c\\d'::text)"), "{sql}");
        assert!(sql.contains("(1, 'plain'::text, null::text, 'plain'::text)"), "{sql}");
    }

    #[test]
    fn no_statement_reads_out_the_text_of_a_query() {
        let all = together(&pieces(&["orders".to_owned()]));
        let mentions: Vec<&str> = all.match_indices("query").map(|(at, _)| &all[at..at + 10]).collect();
        assert_eq!(mentions, ["query like"]);
    }
}

//! The statements by which copies are made, looked up and dropped. Texts only.

use std::time::Duration;

use super::super::quote::{ident, millis, optional, text};
use super::SCHEMA;
use super::look::now as table_now;

/// So many expired copies are dropped by one run, which waits for nobody longer than this.
const DROPPED_AT_ONCE: u32 = 10;
const DROP_LOCK: Duration = Duration::from_millis(200);

/// `"sluice_undo"."3_0a1b_1"`
pub(super) fn quoted(copy: &str) -> String {
    format!("{}.{}", ident(SCHEMA), ident(copy))
}

/// Who the session is and where it looks, and whether there is a place for copies: parts of a JSON object.
pub(super) fn guise() -> String {
    format!(
        "'user', pg_catalog.current_setting('session_authorization'), 'role', pg_catalog.current_setting('role'),
        'path', pg_catalog.current_setting('search_path'),
        'formats', (select pg_catalog.json_object_agg(f.name, pg_catalog.current_setting(f.name)) from pg_catalog.unnest(array['datestyle',
            'intervalstyle', 'extra_float_digits', 'bytea_output', 'lc_monetary']) f(name)),
        'place', exists (select from pg_catalog.pg_namespace where nspname = {})",
        text(SCHEMA)
    )
}

/// Creates the place for copies.
pub(super) fn create_place() -> String {
    let schema = ident(SCHEMA);
    format!(
        "create schema if not exists {schema}; revoke all on schema {schema} from public;
        comment on schema {schema} is 'Copies that Sluice made of rows before migrations took them away; the ledger''s migration_undo says which';"
    )
}

/// The hash of all rows of a table, whatever their order: a subquery.
pub(super) fn hash(table: &str) -> String {
    format!(
        "(select pg_catalog.encode(pg_catalog.sha256(coalesce(pg_catalog.string_agg(h.row, ''::pg_catalog.bytea order by h.row), '')), 'hex')
            from (select pg_catalog.sha256(pg_catalog.record_send(c.*)) as row from {table} as c) h)"
    )
}

/// What the ledger says about one statement's effect on one table.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// The run's id, quoted.
    pub run: &'a str,
    pub key: &'a str,
    pub direction: &'a str,
    pub file: &'a str,
    pub statement: u32,
    pub line: u32,
    pub object: &'a str,
    pub what: &'a str,
    pub oid: i64,
    pub schema: &'a str,
    pub name: &'a str,
    pub column: Option<&'a str>,
    /// Columns that its script renamed: now, before.
    pub renamed: Vec<(&'a str, &'a str)>,
    /// Rows may have gone, not only changed.
    pub gone: bool,
    pub keep: Duration,
}

/// What an entry says about the rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'a> {
    /// They are in this table, as they will stay there; restored by this statement.
    Copied(&'a str, &'a str),
    /// They are in this table together with others that the statement may leave alone.
    Perhaps(&'a str),
    /// They were not copied: why.
    Not(&'a str),
}

/// Writes an entry.
pub(super) fn enter(ledger: &str, entry: &Entry<'_>, rows: Rows<'_>) -> String {
    let sequences = match rows {
        Rows::Copied(..) => sequences(entry),
        Rows::Perhaps(_) | Rows::Not(_) => "null".to_owned(),
    };
    let (copy, restore, note) = match rows {
        Rows::Copied(copy, restore) => (Some(copy), Some(restore), None),
        Rows::Perhaps(copy) => (Some(copy), None, None),
        Rows::Not(why) => (None, None, Some(why)),
    };
    let table = copy.map(quoted).unwrap_or_default();
    let facts = match rows {
        Rows::Copied(..) => counted(&table),
        // What is left of it is counted once that is known.
        Rows::Perhaps(_) => format!("(select pg_catalog.count(*) from {table}), {}, null", bytes(&table)),
        Rows::Not(_) => "null, null, null".to_owned(),
    };
    format!(
        "insert into {ledger}.migration_undo (run_id, key, direction, file, statement, line, object, what, table_oid, table_schema,
            table_name, column_name, copy, rows, bytes, hash, gone, sequences, note, restore_sql, expires_at)
        values ({run}, {key}, '{direction}', {file}, {statement}, {line}, {object}, '{what}', {oid}, {schema}, {name}, {column},
            {copy}, {facts}, {gone}, {sequences}, {note}, {restore}, pg_catalog.clock_timestamp() + {keep} * interval '1 ms');",
        run = entry.run,
        key = text(entry.key),
        direction = entry.direction,
        file = text(entry.file),
        statement = entry.statement,
        line = entry.line,
        object = text(entry.object),
        what = entry.what,
        oid = entry.oid,
        schema = text(entry.schema),
        name = text(entry.name),
        column = optional(entry.column),
        copy = optional(copy),
        gone = entry.gone,
        note = optional(note),
        restore = optional(restore),
        // Unlike a timeout this may be years.
        keep = entry.keep.as_millis(),
    )
}

/// Where the table's own sequences stand, by the columns that own them: an expression.
fn sequences(entry: &Entry<'_>) -> String {
    let renamed: String =
        entry.renamed.iter().map(|(now, was)| format!(" when {} then {}", text(now), text(was))).collect();
    let name =
        if renamed.is_empty() { "a.attname".to_owned() } else { format!("case a.attname{renamed} else a.attname end") };
    format!(
        "(select pg_catalog.jsonb_object_agg(q.owner, q.last) from (select {name} as owner,
                case when pg_catalog.has_sequence_privilege(s.oid, 'USAGE, SELECT') then pg_catalog.pg_sequence_last_value(s.oid) end as last
            from pg_catalog.pg_depend d join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
                join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                and d.refobjid = {} and d.deptype in ('a', 'i')) q where q.last is not null)",
        entry.oid
    )
}

/// Rows, bytes and hash of a copy: three expressions.
pub(super) fn counted(table: &str) -> String {
    format!("(select pg_catalog.count(*) from {table}), {}, {}", bytes(table), hash(table))
}

/// What a table takes on disk: an expression.
pub(super) fn bytes(table: &str) -> String {
    format!("pg_catalog.pg_table_size({}::pg_catalog.regclass)", text(table))
}

/// How many rows and bytes a copy has, how many bytes all copies of its run, and in how many rows there is something, of a column
/// where it is about one. JSON.
pub(super) fn size(ledger: &str, copy: &str, column: Option<&str>) -> String {
    let something = column.map_or_else(
        || "u.rows".to_owned(),
        |column| format!("(select pg_catalog.count(c.{}) from {} as c)", ident(column), quoted(copy)),
    );
    format!(
        "select pg_catalog.json_build_object('rows', u.rows, 'bytes', u.bytes, 'something', {something}, 'total', {})::text
            from {ledger}.migration_undo u where u.copy = {}",
        total(ledger, "u.run_id"),
        text(copy)
    )
}

/// How many bytes the copies of a run have: an expression.
pub(in super::super) fn total(ledger: &str, run: &str) -> String {
    format!(
        "(select coalesce(pg_catalog.sum(t.bytes), 0)::bigint from {ledger}.migration_undo t where t.run_id = {run})"
    )
}

/// The version is applied once more: what it took away before is not what its way down brings back.
pub(in super::super) fn supersede(ledger: &str, key: &str, run: &str) -> String {
    format!(
        "update {ledger}.migration_undo set superseded_at = pg_catalog.clock_timestamp()
            where key = {} and run_id <> {run} and superseded_at is null;",
        text(key)
    )
}

/// Drops what expired, a few at a time; what cannot be dropped is left for the next run. Never fails.
pub(in super::super) fn expire(ledger: &str) -> String {
    let drop = format!("format('drop table if exists {}.%I', gone)", ident(SCHEMA).replace('\'', "''"));
    format!(
        "do $sluice$ declare kept record; gone text; begin
            perform set_config('lock_timeout', '{timeout}', true);
            for kept in select id, copy, after from {ledger}.migration_undo
                where copy is not null and dropped_at is null and expires_at < clock_timestamp() order by id limit {DROPPED_AT_ONCE} loop
                begin
                    foreach gone in array array_remove(array[kept.copy, kept.after], null) loop
                        execute {drop};
                    end loop;
                    update {ledger}.migration_undo set dropped_at = clock_timestamp() where id = kept.id;
                exception when others then null;
                end;
            end loop;
        exception when others then null;
        end $sluice$;",
        timeout = millis(DROP_LOCK),
    )
}

/// The transactions of those statements of a way down that committed one by one: a query.
pub(super) fn committed(ledger: &str, key: &str, attempt: i32) -> String {
    format!(
        "select s.xmin from {ledger}.migration_steps s
            where s.key = {} and s.attempt = {attempt} and s.direction = 'down' and s.state = 'done'",
        text(key)
    )
}

/// The copies by which a version's way down is refilled, newest first, with what their tables are now, and what was not
/// copied. `unless`: leaving out what these transactions made of the tables. JSON.
///
/// A column that a way down filled already is among them: what it set there afterwards gives way, too.
pub(super) fn of_version(ledger: &str, key: &str, unless: Option<&str>) -> String {
    kept(
        ledger,
        &format!(
            "u.key = {} and u.direction = 'up' and u.superseded_at is null
                and (u.restored_at is null or u.restored_by is not null and u.what = 'column')",
            text(key)
        ),
        unless,
    )
}

/// One copy. JSON, an array of one or none.
pub(super) fn by_id(ledger: &str, id: i64) -> String {
    kept(ledger, &format!("u.id = {id}"), None)
}

fn kept(ledger: &str, which: &str, unless: Option<&str>) -> String {
    format!(
        "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('id', u.id, 'object', u.object, 'what', u.what, 'copy', u.copy,
            'rows', u.rows, 'back', u.restored_rows, 'hash', u.hash, 'after', u.after, 'restore_sql', u.restore_sql, 'note', u.note,
            'column', u.column_name, 'gone', u.gone, 'sequences', coalesce(u.sequences, '{{}}'), 'columns', {columns}, 'held_as', {held_as}, 'table', {table},
            'dropped', u.dropped_at is not null, 'restored', u.restored_at is not null,
            'there', exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where n.nspname = {place} and c.relname = u.copy),
            'now', {now}) order by u.id desc), '[]')::text
        from {ledger}.migration_undo u where {which}",
        place = text(SCHEMA),
        now = now(unless),
        columns = format_args!(
            "(select coalesce(pg_catalog.json_agg(a.attname order by a.attnum), '[]') from pg_catalog.pg_attribute a
                where a.attnum > 0 and not a.attisdropped and a.attrelid = (select c.oid from pg_catalog.pg_class c
                    join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = {} and c.relname = u.copy))",
            text(SCHEMA)
        ),
        held_as = format_args!(
            "(select pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
                where a.attname = u.column_name and not a.attisdropped and a.attrelid = (select c.oid from pg_catalog.pg_class c
                    join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = {} and c.relname = u.copy))",
            text(SCHEMA)
        ),
        table = table_now(
            "(select k.oid from pg_catalog.pg_class k join pg_catalog.pg_namespace m on m.oid = k.relnamespace
                where m.nspname = u.table_schema and k.relname = u.table_name)"
        ),
    )
}

/// What the table of entry `u` and its column are now.
fn now(unless: Option<&str>) -> String {
    let others = |made: &str| unless.map(|by| format!(" and {made}.xmin not in ({by})")).unwrap_or_default();
    format!(
        "(select pg_catalog.json_build_object('oid', c.oid::bigint,
        'column', (select pg_catalog.concat_ws(' ', a.attnum, a.atttypid, a.atttypmod, (
                select pg_catalog.string_agg(pg_catalog.concat(p.attnum, ':', p.atttypid), ',' order by p.attnum)
                from pg_catalog.pg_type y left join pg_catalog.pg_type e on e.oid = y.typelem and y.typcategory = 'A'
                    join pg_catalog.pg_attribute p on p.attrelid in (y.typrelid, e.typrelid) and p.attnum > 0 and not p.attisdropped
                where y.oid = a.atttypid)) from pg_catalog.pg_attribute a
            where a.attrelid = c.oid and a.attname = u.column_name and a.attnum > 0 and not a.attisdropped{}))
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            join pg_catalog.pg_attribute m on m.attrelid = c.oid and m.attnum = -1
        where n.nspname = u.table_schema and c.relname = u.table_name and c.relkind in ('r', 'p'){})",
        others("a"),
        others("m"),
    )
}

/// What has to be known before a copy is put back: its hash, the triggers and rules that must not act, the columns that
/// nobody may set, and the sequences that must not begin anew. JSON.
pub(super) fn before_restoring(copy: &str, oid: i64) -> String {
    format!(
        "select pg_catalog.json_build_object('hash', {hash},
            'table', {oid}::pg_catalog.oid::pg_catalog.regclass::text,
            'triggers', (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', t.tgname, 'enabled', t.tgenabled)), '[]')
                from pg_catalog.pg_trigger t where t.tgrelid = {oid} and not t.tgisinternal and t.tgenabled <> 'D'),
            'rules', (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', w.rulename, 'enabled', w.ev_enabled)), '[]')
                from pg_catalog.pg_rewrite w where w.ev_class = {oid} and w.ev_enabled <> 'D'),
            'always', (select coalesce(pg_catalog.json_agg(a.attname), '[]') from pg_catalog.pg_attribute a
                where a.attrelid = {oid} and a.attidentity = 'a' and not a.attisdropped),
            'sequences', (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('column', a.attname, 'down', q.seqincrement < 0,
                    'sequence', q.seqrelid::pg_catalog.regclass::text,
                    'counts', a.atttypid in ('smallint'::pg_catalog.regtype, 'integer'::pg_catalog.regtype, 'bigint'::pg_catalog.regtype))), '[]')
                from pg_catalog.pg_attribute a cross join lateral (select pg_catalog.pg_get_serial_sequence(
                        {oid}::pg_catalog.oid::pg_catalog.regclass::text, a.attname)::pg_catalog.regclass as oid) g
                    join pg_catalog.pg_sequence q on q.seqrelid = g.oid and pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT')
                        and pg_catalog.has_sequence_privilege(q.seqrelid, 'UPDATE')
                where a.attrelid = {oid} and a.attnum > 0 and not a.attisdropped))::text",
        hash = hash(&quoted(copy)),
    )
}

/// Records what a restoration came to. `run`: the run that did it, quoted, or `null`.
pub(super) fn restored(ledger: &str, id: i64, run: &str, rows: u64, left: u64) -> String {
    format!(
        "update {ledger}.migration_undo set restored_at = pg_catalog.clock_timestamp(), restored_rows = {rows}, left_rows = {left},
            restored_by = {run}, restore_note = null where id = {id};"
    )
}

/// Records why a restoration was not to be had.
pub(super) fn not_restored(ledger: &str, id: i64, run: &str, why: &str) -> String {
    format!("update {ledger}.migration_undo set restored_by = {run}, restore_note = {} where id = {id};", text(why))
}

/// The foreign keys of tables that do not wait for the end of a transaction. JSON.
pub(super) fn foreign_keys(oids: &[i64]) -> String {
    let oids: Vec<String> = oids.iter().map(ToString::to_string).collect();
    format!(
        "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('table', k.conrelid::pg_catalog.regclass::text, 'name', k.conname)),
            '[]')::text from pg_catalog.pg_constraint k
            where k.contype = 'f' and k.conparentid = 0 and not k.condeferrable and k.conrelid in ({})",
        oids.join(", ")
    )
}

/// The materialized views over tables that this transaction, or one of those that committed before, created or filled, in the
/// order of their creation. JSON.
pub(super) fn filled_too_soon(oids: &[i64], committed: Option<&str>) -> String {
    let oids: Vec<String> = oids.iter().map(ToString::to_string).collect();
    let before = committed.map(|committed| format!(" or c.xmin in ({committed})")).unwrap_or_default();
    format!(
        "with recursive over(oid) as (
            select c.oid from pg_catalog.pg_class c where c.oid in ({}) union select w.ev_class from over o
                join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                    and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = o.oid
                join pg_catalog.pg_rewrite w on w.oid = d.objid)
        select coalesce(pg_catalog.json_agg(c.oid::pg_catalog.regclass::text order by c.oid), '[]')::text
            from over o join pg_catalog.pg_class c on c.oid = o.oid
            where c.relkind = 'm' and c.relispopulated
                and (pg_catalog.age(c.xmin) <= pg_catalog.age(pg_catalog.pg_current_xact_id()::pg_catalog.xid){before})",
        oids.join(", ")
    )
}

/// All entries, newest first. JSON.
pub(super) fn all(ledger: &str) -> String {
    format!(
        "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('id', u.id, 'label', u.label, 'direction', u.direction, 'file', u.file,
            'line', u.line, 'object', u.object, 'table', u.copy, 'rows', u.rows, 'bytes', u.bytes, 'created_at', u.created_at,
            'expires_at', u.expires_at, 'restored', u.restored_at is not null, 'dropped', u.dropped_at is not null,
            'note', pg_catalog.concat_ws('; ', u.note, u.restore_note,
                case when u.left_rows > 0 then u.left_rows || ' rows were left as they are' end),
            'restore_sql', u.restore_sql) order by u.id desc), '[]')::text
        from (select u.*, coalesce(m.version, u.key) as label from {ledger}.migration_undo u
            left join {ledger}.schema_migrations m on m.key = u.key order by u.id desc limit 1000) u"
    )
}

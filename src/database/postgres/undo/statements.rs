//! The statements by which copies are made, looked up and dropped. Texts only.

use std::time::Duration;

use super::super::quote::{ident, millis, optional, text};
use super::SCHEMA;

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
            from (select pg_catalog.sha256(pg_catalog.record_send(c)) as row from {table} as c) h)"
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
    let (copy, restore, note) = match rows {
        Rows::Copied(copy, restore) => (Some(copy), Some(restore), None),
        Rows::Perhaps(copy) => (Some(copy), None, None),
        Rows::Not(why) => (None, None, Some(why)),
    };
    let table = copy.map(quoted).unwrap_or_default();
    let facts = match rows {
        Rows::Copied(..) => counted(&table),
        // What is left of it is counted once that is known.
        Rows::Perhaps(_) => format!("(select pg_catalog.count(*) from {table}), null, null"),
        Rows::Not(_) => "null, null, null".to_owned(),
    };
    format!(
        "insert into {ledger}.migration_undo (run_id, key, direction, file, statement, line, object, what, table_oid, table_schema,
            table_name, column_name, copy, rows, bytes, hash, note, restore_sql, expires_at)
        values ({run}, {key}, '{direction}', {file}, {statement}, {line}, {object}, '{what}', {oid}, {schema}, {name}, {column},
            {copy}, {facts}, {note}, {restore}, pg_catalog.clock_timestamp() + {keep} * interval '1 ms');",
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
        note = optional(note),
        restore = optional(restore),
        // Unlike a timeout this may be years.
        keep = entry.keep.as_millis(),
    )
}

/// Rows, bytes and hash of a copy: three expressions.
pub(super) fn counted(table: &str) -> String {
    format!(
        "(select pg_catalog.count(*) from {table}), pg_catalog.pg_table_size({}::pg_catalog.regclass), {}",
        text(table),
        hash(table)
    )
}

/// How many rows and bytes a copy has, and in how many rows there is something, of a column where it is about one. JSON.
pub(super) fn size(ledger: &str, copy: &str, column: Option<&str>) -> String {
    let something = column.map_or_else(
        || "rows".to_owned(),
        |column| format!("(select pg_catalog.count(c.{}) from {} as c)", ident(column), quoted(copy)),
    );
    format!(
        "select pg_catalog.json_build_object('rows', rows, 'bytes', bytes, 'something', {something})::text
            from {ledger}.migration_undo where copy = {}",
        text(copy)
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

/// The copies by which a version's way down is refilled, newest first, with what their tables are now. JSON.
pub(super) fn of_version(ledger: &str, key: &str) -> String {
    kept(
        ledger,
        &format!(
            "u.key = {} and u.direction = 'up' and u.superseded_at is null and u.restored_at is null and u.copy is not null
                and u.dropped_at is null",
            text(key)
        ),
    )
}

/// One copy. JSON, an array of one or none.
pub(super) fn by_id(ledger: &str, id: i64) -> String {
    kept(ledger, &format!("u.id = {id}"))
}

fn kept(ledger: &str, which: &str) -> String {
    format!(
        "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('id', u.id, 'object', u.object, 'what', u.what, 'copy', u.copy,
            'rows', u.rows, 'hash', u.hash, 'after', u.after, 'restore_sql', u.restore_sql, 'note', u.note,
            'dropped', u.dropped_at is not null, 'restored', u.restored_at is not null,
            'there', exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where n.nspname = {place} and c.relname = u.copy),
            'now', {now}) order by u.id desc), '[]')::text
        from {ledger}.migration_undo u where {which}",
        place = text(SCHEMA),
        now = now(),
    )
}

/// What the table of entry `u` and its column are now.
fn now() -> &'static str {
    "(select pg_catalog.json_build_object('oid', c.oid::bigint,
        'column', (select pg_catalog.concat_ws(' ', a.attnum, a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
            where a.attrelid = c.oid and a.attname = u.column_name and a.attnum > 0 and not a.attisdropped))
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = u.table_schema and c.relname = u.table_name and c.relkind in ('r', 'p'))"
}

/// What has to be known before a copy is put back: its hash, the triggers that must not fire, and the sequences that must
/// not begin anew. JSON.
pub(super) fn before_restoring(copy: &str, oid: i64) -> String {
    format!(
        "select pg_catalog.json_build_object('hash', {hash},
            'table', {oid}::pg_catalog.oid::pg_catalog.regclass::text,
            'triggers', (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', t.tgname, 'enabled', t.tgenabled)), '[]')
                from pg_catalog.pg_trigger t where t.tgrelid = {oid} and not t.tgisinternal and t.tgenabled <> 'D'),
            'sequences', (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('column', a.attname,
                    'sequence', pg_catalog.pg_get_serial_sequence({oid}::pg_catalog.oid::pg_catalog.regclass::text, a.attname))), '[]')
                from pg_catalog.pg_attribute a where a.attrelid = {oid} and a.attnum > 0 and not a.attisdropped
                    and a.atttypid in ('smallint'::pg_catalog.regtype, 'integer'::pg_catalog.regtype, 'bigint'::pg_catalog.regtype)
                    and pg_catalog.pg_get_serial_sequence({oid}::pg_catalog.oid::pg_catalog.regclass::text, a.attname) is not null))::text",
        hash = hash(&quoted(copy)),
    )
}

/// Records what a restoration came to.
pub(super) fn restored(ledger: &str, id: i64, rows: u64, left: u64) -> String {
    format!(
        "update {ledger}.migration_undo set restored_at = pg_catalog.clock_timestamp(), restored_rows = {rows}, left_rows = {left},
            restore_note = null where id = {id};"
    )
}

/// Records why a restoration was not to be had.
pub(super) fn not_restored(ledger: &str, id: i64, why: &str) -> String {
    format!("update {ledger}.migration_undo set restore_note = {} where id = {id};", text(why))
}

/// All entries, newest first. JSON.
pub(super) fn all(ledger: &str) -> String {
    format!(
        "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('id', u.id, 'key', u.key, 'direction', u.direction, 'file', u.file,
            'line', u.line, 'object', u.object, 'table', u.copy, 'rows', u.rows, 'bytes', u.bytes, 'created_at', u.created_at,
            'expires_at', u.expires_at, 'restored', u.restored_at is not null, 'dropped', u.dropped_at is not null,
            'note', pg_catalog.concat_ws('; ', u.note, u.restore_note,
                case when u.left_rows > 0 then u.left_rows || ' rows were left as they are' end),
            'restore_sql', u.restore_sql) order by u.id desc), '[]')::text
        from (select * from {ledger}.migration_undo order by id desc limit 1000) u"
    )
}

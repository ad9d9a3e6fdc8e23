//! Every statement that Sluice itself runs on PostgreSQL for looking, locking and keeping the ledger.
//!
//! Texts only: what they are for stands here, when they run is decided elsewhere. Values enter through [`super::quote`].

use sha2::{Digest, Sha256};

use crate::database::{RunIdentity, RunStart};
use crate::plan::Outcome;

use super::connect::MARK;
use super::quote::{ident, list, optional, text};
use super::settings::ourselves;
use super::undo::SCHEMA as UNDO;

/// Tables by which a ledger is recognised, whoever's it is.
const TABLES: &str = "'ledger_version', 'schema_migrations', 'migration_runs', 'migration_steps'";
/// The comment on the schema of a ledger that was installed in a database without anything else in it.
const BUILT: &str = "Sluice ledger; everything in this database came after it";
/// The comment on the schema of a ledger that was installed in a database that held something already.
const ADOPTED: &str = "Sluice ledger; this database held other objects before it";

/// The statements of one ledger.
#[derive(Debug, Clone)]
pub(super) struct Sql {
    /// The ledger's schema, quoted as a name.
    pub schema: String,
    /// The same as a string literal.
    pub name: String,
    /// The key of the migration lock: one per ledger, so that two ledgers in one database do not wait for each other.
    pub key: i64,
}

impl Sql {
    pub fn new(schema: &str) -> Self {
        let digest = Sha256::digest(format!("sluice migration lock of ledger {schema}").as_bytes());
        let key = digest.iter().take(8).fold(0_i64, |key, byte| (key << 8) | i64::from(*byte));
        Self { schema: ident(schema), name: text(schema), key }
    }

    /// What one look needs to know about the server, and who holds the lock. JSON.
    pub fn facts(&self) -> String {
        format!(
            "select pg_catalog.json_build_object(
                'version_num', pg_catalog.current_setting('server_version_num')::int,
                'version', pg_catalog.current_setting('server_version'),
                'now', pg_catalog.clock_timestamp(),
                'pid', pg_catalog.pg_backend_pid(),
                'backend_start', (select backend_start from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())),
                'in_recovery', pg_catalog.pg_is_in_recovery(),
                'read_only', pg_catalog.current_setting('transaction_read_only')::bool,
                'mark', pg_catalog.current_setting('{MARK}', true),
                'session_user', session_user, 'current_user', current_user,
                'synchronous_commit', pg_catalog.current_setting('synchronous_commit'),
                'may_write', {may_write},
                'schema_exists', exists (select from pg_catalog.pg_namespace where nspname = {name}),
                'installed', exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                    where n.nspname = {name} and c.relname = 'ledger_version'),
                'holder', ({holder}))::text",
            name = self.name,
            may_write = self.may_write(),
            holder = self.holder(),
        )
    }

    /// Whether the role may do what a run does to the ledger, which it creates where there is none: an expression.
    fn may_write(&self) -> String {
        format!(
            "coalesce((select pg_catalog.has_schema_privilege(n.oid, 'USAGE') and case
                    when exists (select from pg_catalog.pg_class c where c.relnamespace = n.oid and c.relname = 'ledger_version')
                    then (select pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, 'SELECT')
                        and pg_catalog.has_table_privilege(c.oid, 'INSERT') and pg_catalog.has_table_privilege(c.oid, 'UPDATE'))
                        from pg_catalog.pg_class c where c.relnamespace = n.oid and c.relkind = 'r'
                        and c.relname in ('schema_migrations', 'migration_runs', 'migration_steps'))
                    else pg_catalog.has_schema_privilege(n.oid, 'CREATE') end
                from pg_catalog.pg_namespace n where n.nspname = {name}),
                pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'))",
            name = self.name
        )
    }

    /// Whether the ledger and its schema are there, and whether the server still may be written to. JSON. In a statement
    /// after the one that takes the lock, so that what the last holder did is seen.
    pub fn ground(&self) -> String {
        format!(
            "select pg_catalog.json_build_object(
                'in_recovery', pg_catalog.pg_is_in_recovery(),
                'read_only', pg_catalog.current_setting('default_transaction_read_only')::bool,
                'schema_exists', exists (select from pg_catalog.pg_namespace where nspname = {name}),
                'installed', exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                    where n.nspname = {name} and c.relname = 'ledger_version'))::text",
            name = self.name
        )
    }

    /// The session that holds the lock: a subquery that gives JSON or null.
    fn holder(&self) -> String {
        format!(
            "select (select pg_catalog.json_build_object('pid', l.pid, 'application', a.application_name,
                    'backend_start', a.backend_start, 'idle', coalesce(a.state like 'idle%', false))
                    from pg_catalog.pg_stat_get_activity(l.pid) a)
                from pg_catalog.pg_lock_status() l where {} limit 1",
            self.lock_row("l")
        )
    }

    /// Whether a row of `pg_locks` is the lock. The functions behind that view and behind `pg_stat_activity` are asked
    /// directly: a fresh server process needs milliseconds to take in the views' definitions.
    fn lock_row(&self, alias: &str) -> String {
        #[expect(clippy::cast_sign_loss, reason = "the server shows the two halves of the key as unsigned numbers")]
        let key = self.key as u64;
        format!(
            "{alias}.locktype = 'advisory' and {alias}.objsubid = 1 and {alias}.granted
                and {alias}.classid = {}::oid and {alias}.objid = {}::oid
                and {alias}.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())",
            key >> 32,
            key & 0xffff_ffff
        )
    }

    /// What the database holds that no migration of a ledger put there. JSON.
    ///
    /// A database in which a ledger was installed while it held nothing else is its ledgers' work: a second ledger in it
    /// finds nothing. Members of extensions, sequences of columns, partitions and undo copies do not count.
    pub fn existing(&self) -> String {
        format!(
            "with ledgers as (
                select n.oid, pg_catalog.obj_description(n.oid, 'pg_namespace') = {built} as built
                from pg_catalog.pg_namespace n
                where {ledger}
            ), spaces as (
                select n.oid, n.nspname from pg_catalog.pg_namespace n where {applications}
            ), found as (
                select 1 as rank, case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                    when 'f' then 'foreign table' else 'table' end as kind, s.nspname, c.relname as name, c.oid, 'pg_class' as class
                from pg_catalog.pg_class c join spaces s on s.oid = c.relnamespace
                where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and not c.relispartition
                    and not (c.relkind = 'S' and exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass
                        and d.objid = c.oid and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')))
                union all
                select 2, case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
                    s.nspname, p.proname, p.oid, 'pg_proc'
                from pg_catalog.pg_proc p join spaces s on s.oid = p.pronamespace
                union all
                select 3, case t.typtype when 'd' then 'domain' else 'type' end, s.nspname, t.typname, t.oid, 'pg_type'
                from pg_catalog.pg_type t join spaces s on s.oid = t.typnamespace
                where t.typtype in ('e', 'd', 'r') or (t.typtype = 'b' and t.typcategory <> 'A')
                    or (t.typtype = 'c' and exists (select from pg_catalog.pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
            ), own as (
                select f.rank, pg_catalog.format('%s %I.%I', f.kind, f.nspname, f.name) as what
                from found f
                where not exists (select from ledgers where built)
                    and not exists (select from pg_catalog.pg_depend d where d.deptype = 'e' and d.objid = f.oid
                        and d.classid = ('pg_catalog.' || f.class)::regclass)
            )
            select pg_catalog.json_build_object(
                'total', (select pg_catalog.count(*) from own),
                'sample', coalesce((select pg_catalog.json_agg(o.what) from (select what from own order by rank, what limit 20) o), '[]'))::text",
            built = text(BUILT),
            ledger = is_ledger("n.oid"),
            applications = is_applications("n"),
        )
    }

    /// The whole ledger. JSON. Rows are read as objects, so that a ledger of an older version reads as well.
    pub fn ledger(&self) -> String {
        let schema = &self.schema;
        format!(
            "select pg_catalog.json_build_object(
                'version', (select pg_catalog.max(version) from {schema}.ledger_version),
                'lock', (select pg_catalog.to_jsonb(k) from {schema}.migration_locks k limit 1),
                'entries', coalesce((select pg_catalog.json_agg(
                    pg_catalog.to_jsonb(m) - 'failure_detail' || pg_catalog.jsonb_build_object('journal',
                        case when m.status in ('running', 'failed') then ({journal}) end)) from {schema}.schema_migrations m), '[]'),
                'runs', coalesce((select pg_catalog.json_agg(pg_catalog.to_jsonb(r) - 'failure_detail'
                        || case when r.direction = 'down' then pg_catalog.jsonb_build_object('refilled', {refilled}) else '{{}}' end
                        order by r.ordinal desc)
                    from (select * from {schema}.migration_runs order by ordinal desc limit 20) r), '[]'),
                {judgements})::text",
            journal = self.journal(),
            judgements = self.judgements(),
            refilled = format_args!(
                "(select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('object', u.object, 'rows', coalesce(u.restored_rows, 0),
                    'left', coalesce(u.left_rows, 0), 'why', u.restore_note) order by u.id), '[]') from {schema}.migration_undo u
                    where u.restored_by = r.id)"
            ),
        )
    }

    /// The journal of the unfinished attempt of row `m`: a subquery that gives JSON or null.
    fn journal(&self) -> String {
        format!(
            "select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) - 'detail' - 'sql' order by s.statement) from {}.migration_steps s
                where s.key = m.key and s.attempt = m.attempt
                and s.direction = case when m.reverting then 'down' else 'up' end",
            self.schema
        )
    }

    /// Tries to take the lock for the session; while it is held, tells whether it still is. JSON.
    pub fn try_lock(&self) -> String {
        format!(
            "with held as materialized (select exists (select from pg_catalog.pg_lock_status() l
                where l.pid = pg_catalog.pg_backend_pid() and {row}) as held)
            select pg_catalog.json_build_object('pid', pg_catalog.pg_backend_pid(),
                'locked', held or pg_catalog.pg_try_advisory_lock({key}))::text from held",
            row = self.lock_row("l"),
            key = self.key
        )
    }

    /// Lets go of the lock.
    pub fn unlock(&self) -> String {
        format!("select pg_catalog.pg_advisory_unlock({})", self.key)
    }

    /// Ends a session of this run that waits for a client that gave it up.
    pub fn end_session(backend: &Backend) -> String {
        format!(
            "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
                where pid = {} and backend_start = {} and state like 'idle%'",
            backend.pid,
            text(&backend.start)
        )
    }

    /// Creates the schema unless somebody prepared it, and says in its comment what was found. Before the ledger's own
    /// scripts.
    pub fn create_schema(&self, exists: bool, built: bool) -> String {
        let schema = &self.schema;
        let comment = format!("comment on schema {schema} is {};", text(if built { BUILT } else { ADOPTED }));
        if !exists {
            return format!("create schema {schema}; {comment}");
        }
        // Whoever merely may use a prepared schema does not own it, and only owners may comment.
        format!(
            "do $$ begin
                if (select pg_catalog.pg_has_role(nspowner, 'USAGE') from pg_catalog.pg_namespace where nspname = {name}) then
                    {comment}
                end if;
            end $$;",
            name = self.name,
        )
    }

    /// Remembers that a version of the ledger's own schema is in place.
    pub fn installed(&self, version: u32) -> String {
        format!(
            "insert into {}.ledger_version (version, installed_by) values ({version}, {});",
            self.schema,
            text(concat!("sluice ", env!("CARGO_PKG_VERSION")))
        )
    }

    /// Records the beginning of a run, which holds the lock; ends what earlier processes left open: under the lock nobody
    /// else is at it. Repeating it with the same run changes its session only.
    pub fn begin_run(&self, run: &RunIdentity, start: &RunStart, me: &Backend) -> String {
        let schema = &self.schema;
        let id = text(&run.id.to_string());
        format!(
            "update {schema}.migration_runs set outcome = 'interrupted',
                failure_message = 'its process ended without a word; noticed by run ' || {id}
                where outcome is null and id <> {id};
            insert into {schema}.migration_runs as r (ordinal, id, object, object_uid, generation, retry_token, abort_token,
                rollback_token, instance, direction, from_version, to_version, plan_digest, set_digest, rehearsed, gates,
                backend_pid, backend_start)
                values ((select coalesce(pg_catalog.max(ordinal), 0) + 1 from {schema}.migration_runs), {id}, {object}, {uid},
                {generation}, {retry}, {abort}, {back}, {instance}, '{direction}', {from}, {to}, {plan}, {set}, {rehearsed}, {gates},
                {pid}, {since})
                on conflict (id) do update set (backend_pid, backend_start, locked_at)
                = (excluded.backend_pid, excluded.backend_start, excluded.locked_at) where r.outcome is null;
            {purpose}",
            purpose = self.purpose(run.id, &start.purpose),
            object = text(&run.object),
            uid = text(&run.object_uid),
            generation = run.generation,
            retry = optional(run.retry_token.as_deref()),
            abort = optional(run.abort_token.as_deref()),
            back = optional(run.rollback_token.as_deref()),
            instance = text(&run.instance),
            direction = start.direction.as_str(),
            from = optional(start.from.as_deref()),
            to = optional(start.to.as_deref()),
            plan = text(&start.plan_digest),
            set = text(&start.set_digest),
            rehearsed = start.rehearsed,
            gates = text(&start.gates.to_string()),
            pid = me.pid,
            since = text(&me.start),
        )
    }

    /// Records the end of a run.
    pub fn finish_run(
        &self,
        run: &RunIdentity,
        outcome: Outcome,
        failure: Option<&crate::database::StepFailure>,
    ) -> String {
        let schema = &self.schema;
        let id = text(&run.id.to_string());
        let step = failure.map(|failure| failure.label.as_str()).filter(|label| !label.is_empty());
        format!(
            "update {schema}.migration_runs set outcome = '{outcome}', failed_step = {step}, failure_message = {message},
                failure_sqlstate = {sqlstate}, failure_detail = {detail} where id = {id} and outcome is null;",
            outcome = outcome.as_str(),
            step = optional(step),
            message = optional(failure.map(|failure| failure.message.as_str())),
            sqlstate = optional(failure.and_then(|failure| failure.sqlstate.as_deref())),
            detail = optional(failure.and_then(|failure| failure.detail.as_deref())),
        )
    }

    /// Begins a transaction of a step, takes the lock for it too, and reads what the ledger says now. JSON:
    /// [`super::unit::Opened`].
    ///
    /// The transaction's own lock is the one that counts: user SQL can let go of the session's (`DISCARD ALL`,
    /// `pg_advisory_unlock_all`), and where it did, it is taken again here. The ledger is read in a statement of its own,
    /// whose snapshot is younger than the lock, and as the role that may read it, whoever user SQL made of the session.
    pub fn begin_unit<'a>(&self, keys: impl IntoIterator<Item = &'a str>, role: Option<&str>) -> String {
        let schema = &self.schema;
        let ourselves = ourselves(role);
        let newest = format!("(select id from {schema}.migration_runs order by ordinal desc limit 1)");
        format!(
            "with held as materialized (select exists (select from pg_catalog.pg_lock_status() l
                where l.pid = pg_catalog.pg_backend_pid() and {row}) as held),
            mine as materialized (select held, pg_catalog.pg_try_advisory_xact_lock({key}) as locked from held)
            select pg_catalog.json_build_object('pid', pg_catalog.pg_backend_pid(), 'held', held, 'locked', locked,
                'again', case when locked and not held then pg_catalog.pg_try_advisory_lock({key}) end)::text from mine;
            savepoint look; {ourselves}
            select pg_catalog.json_build_object('transaction', pg_catalog.pg_current_xact_id()::text,
                'newest_run', {newest}, 'copied', {copied},
                'rows', coalesce((select pg_catalog.jsonb_object_agg(m.key, pg_catalog.jsonb_build_object('status', m.status,
                    'reverting', m.reverting, 'attempt', m.attempt,
                    'journal', case when m.status in ('running', 'failed') then ({journal}) end))
                    from {schema}.schema_migrations m where m.key in ({keys})), '{{}}'))::text;
            rollback to savepoint look; release savepoint look;",
            row = self.lock_row("l"),
            key = self.key,
            copied = super::undo::total(schema, &newest),
            journal = self.journal(),
            keys = list(keys),
        )
    }
}

/// Whether a schema is a ledger, whoever's it is: an expression over its oid.
fn is_ledger(oid: &str) -> String {
    format!(
        "(select pg_catalog.count(*) from pg_catalog.pg_class ledger_table where ledger_table.relnamespace = {oid}
            and ledger_table.relkind = 'r' and ledger_table.relname in ({TABLES})) = {}",
        TABLES.split(',').count()
    )
}

/// Whether a schema is the application's own, and neither the server's nor Sluice's: an expression over a row of
/// `pg_namespace`.
pub(super) fn is_applications(schema: &str) -> String {
    format!(
        "{schema}.nspname !~ '^pg_' and {schema}.nspname not in ('information_schema', '{UNDO}') and not {}",
        is_ledger(&format!("{schema}.oid"))
    )
}

/// A server process: a process id alone may be another's by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    pub pid: i32,
    /// `backend_start` as the server wrote it.
    pub start: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ledger_has_a_lock_of_its_own() {
        assert_eq!(Sql::new("sluice").key, Sql::new("sluice").key);
        assert_ne!(Sql::new("sluice").key, Sql::new("sluice2").key);
    }

    #[test]
    fn the_lock_of_the_default_ledger_never_changes() {
        // Two releases of Sluice must keep each other out.
        assert_eq!(Sql::new("sluice").key, -5_598_066_915_995_737_151);
    }
}

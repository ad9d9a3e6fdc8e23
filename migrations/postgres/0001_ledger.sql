-- The ledger: what this database itself records about its migrations. Written by Sluice, read by anybody.
-- `{schema}` is replaced by the quoted name of the ledger's schema. Everything here runs in one transaction, under the
-- migration lock, after the schema exists. People wait for it with their first migration, and each table with a text of any
-- length costs the server four files: so there are few of them, and views where what they show is kept elsewhere.

create table {schema}.ledger_version (
    version      integer primary key,
    installed_at timestamptz not null default clock_timestamp(),
    installed_by varchar(100) not null
);
comment on table {schema}.ledger_version is 'Which versions of the ledger''s own schema are installed; the highest one counts.';

create table {schema}.migration_runs (
    ordinal          bigint primary key,
    id               uuid not null unique,
    object           text not null,
    object_uid       text not null,
    generation       bigint not null,
    retry_token      text,
    abort_token      text,
    rollback_token   text,
    instance         text not null,
    role             text not null default session_user,
    direction        text not null check (direction in ('up', 'down')),
    from_version     text,
    to_version       text,
    plan_digest      text not null,
    set_digest       text not null,
    rehearsed        boolean not null default false,
    gates            jsonb not null default '[]',
    server_version   text not null default current_setting('server_version'),
    server_timeline  integer,
    server_lsn       pg_lsn,
    backend_pid      integer not null,
    backend_start    timestamptz not null,
    locked_at        timestamptz not null default clock_timestamp(),
    started_at       timestamptz not null default clock_timestamp(),
    outcome          text check (outcome in ('succeeded', 'failed', 'interrupted', 'needs_operator', 'deadline_exceeded', 'blocked', 'aborted')),
    finished_at      timestamptz,
    failed_step      text,
    failure_message  text,
    failure_sqlstate text,
    failure_detail   text,
    chain            bigint,
    previous_hash    text,
    hash             text,
    check ((outcome is null) = (finished_at is null) and (outcome is null) = (hash is null))
);
comment on table {schema}.migration_runs is 'Every run, append-only: a finished row never changes, and each carries the hash of the one finished before it.';
comment on column {schema}.migration_runs.ordinal is 'The order in which runs began.';
comment on column {schema}.migration_runs.id is 'The run''s id, also in the application_name of its session.';
comment on column {schema}.migration_runs.object is 'namespace/name of the DatabaseMigration, or cli.';
comment on column {schema}.migration_runs.abort_token is 'The annotation sluice.dev/abort when the run began: only another one ends it or its verification.';
comment on column {schema}.migration_runs.rollback_token is 'The annotation sluice.dev/rollback when the run began: only another one takes it back.';
comment on column {schema}.migration_runs.role is 'The database role that logged in.';
comment on column {schema}.migration_runs.server_timeline is 'The server''s timeline when the run began; a higher one later means a failover or a restore in between.';
comment on column {schema}.migration_runs.rehearsed is 'A rehearsal proved the way up, back and up again before it began.';
comment on column {schema}.migration_runs.gates is 'What opened its gates: who approved the plan and when, which window was overridden, what was verified before.';
comment on column {schema}.migration_runs.backend_pid is 'The server process of its session, with its start time: after a lost connection the latest.';
comment on column {schema}.migration_runs.locked_at is 'When that session had the migration lock.';
comment on column {schema}.migration_runs.outcome is 'Null while it runs, or when its process died and no later run has noticed yet.';
comment on column {schema}.migration_runs.failure_message is 'What Sluice reported: positions, SQLSTATE and object names only.';
comment on column {schema}.migration_runs.failure_detail is 'The server''s own words, which may quote data; they leave this table nowhere.';
comment on column {schema}.migration_runs.chain is 'The order in which runs ended, without gaps.';
comment on column {schema}.migration_runs.hash is 'SHA-256 over this row and previous_hash; the view v_migration_audit recomputes it.';

create table {schema}.schema_migrations (
    key                 text primary key,
    version             text,
    repeatable          text,
    description         text not null,
    kind                text not null check (kind in ('schema', 'data', 'seed', 'repeatable')),
    status              text not null check (status in ('pending', 'running', 'completed', 'failed', 'rolled_back')),
    risk                text check (risk in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
    author              text,
    up_file             text,
    up_checksum         text,
    down_file           text,
    down_checksum       text,
    down_sql            text,
    down_line           integer not null default 1,
    down_no_transaction boolean not null default false,
    baseline            boolean not null default false,
    reverting           boolean not null default false,
    attempt             integer not null default 1,
    applied_at          timestamptz,
    applied_by          text,
    applied_transaction xid8,
    applied_snapshot    pg_snapshot,
    execution_time_ms   bigint,
    rolled_back_at      timestamptz,
    rolled_back_by      text,
    depends_on          text[] not null default '{}',
    run_id              uuid references {schema}.migration_runs (id),
    failed_at           timestamptz,
    failure_message     text,
    failure_sqlstate    text,
    failure_detail      text,
    updated_at          timestamptz not null default clock_timestamp(),
    check ((version is null) <> (repeatable is null))
);
comment on table {schema}.schema_migrations is 'Where each version and each repeatable script stands. The row of a transactional script commits together with it.';
comment on column {schema}.schema_migrations.key is 'The version without leading zeros, or R__ and the name of a repeatable script.';
comment on column {schema}.schema_migrations.up_checksum is 'Of the script that was applied or last attempted; null for a baseline of unknown content.';
comment on column {schema}.schema_migrations.down_sql is 'The way down as it was when the version was applied: changing the source cannot lose it.';
comment on column {schema}.schema_migrations.down_line is 'The line of down_file at which down_sql begins.';
comment on column {schema}.schema_migrations.baseline is 'Taken as applied, never run.';
comment on column {schema}.schema_migrations.reverting is 'The unfinished attempt is a way down.';
comment on column {schema}.schema_migrations.attempt is 'Counts attempts that began from the first statement; the journal refers to it.';
comment on column {schema}.schema_migrations.applied_transaction is 'The transaction that wrote this row when the version was applied: that of a transactional script itself. With the next column, what tells rows written since from others.';
comment on column {schema}.schema_migrations.applied_snapshot is 'What that transaction saw as finished and under way at its end.';
comment on column {schema}.schema_migrations.applied_by is 'Object, operator instance and database role.';
comment on column {schema}.schema_migrations.depends_on is 'The versions that it declared to depend on when it was applied.';
comment on column {schema}.schema_migrations.run_id is 'The run that last changed this row.';
comment on column {schema}.schema_migrations.failure_detail is 'The server''s own words about the last failure; they leave this table nowhere.';

create table {schema}.migration_steps (
    key           text not null references {schema}.schema_migrations (key),
    attempt       integer not null,
    statement     integer not null,
    direction     text not null check (direction in ('up', 'down')),
    state         text not null check (state in ('started', 'done', 'failed')),
    checksum      text not null,
    line          integer not null,
    sql           text not null,
    object        text,
    before        text,
    run_id        uuid not null references {schema}.migration_runs (id),
    backend_pid   integer not null,
    backend_start timestamptz not null,
    started_at    timestamptz not null default clock_timestamp(),
    finished_at   timestamptz,
    rows_affected bigint,
    sqlstate      text,
    detail        text,
    primary key (key, attempt, statement)
);
comment on table {schema}.migration_steps is 'The journal of scripts that cannot run in one transaction, one row per statement.';
comment on column {schema}.migration_steps.state is 'started: sent, its effect is not recorded; done: in effect; failed: the server refused it.';
comment on column {schema}.migration_steps.object is 'What the statement creates or changes, where that is needed to tell whether it took effect.';
comment on column {schema}.migration_steps.before is 'What of its kind was there before, where only comparing can tell whether it took effect.';
comment on column {schema}.migration_steps.backend_pid is 'The server process that ran it, with its start time: tells whether an orphaned session may still be at it.';

create view {schema}.migration_dependencies as
    select m.key, pg_catalog.unnest(m.depends_on) as depends_on from {schema}.schema_migrations m;
comment on view {schema}.migration_dependencies is 'What each applied version declared to depend on.';

create table {schema}.migration_verifications (
    run_id       uuid primary key references {schema}.migration_runs (id),
    spec         jsonb not null,
    baseline     jsonb not null,
    started_at   timestamptz not null default clock_timestamp(),
    verdict      text check (verdict in ('passed', 'failed', 'inconclusive', 'aborted')),
    concluded_at timestamptz,
    retry_token  text,
    message      text,
    evidence     jsonb,
    check ((verdict is null) = (concluded_at is null))
);
comment on table {schema}.migration_verifications is 'How each run that was to be verified was judged, and by which measurements.';
comment on column {schema}.migration_verifications.spec is 'The checks as they were when the run began: a later change of the spec does not change the judgement.';
comment on column {schema}.migration_verifications.baseline is 'What the checks measured before the run, by name.';
comment on column {schema}.migration_verifications.verdict is 'Null while the window is open, or when its process died: then the window begins again.';
comment on column {schema}.migration_verifications.evidence is 'The measurements that decided.';

create table {schema}.migration_rollbacks (
    run_id        uuid primary key references {schema}.migration_runs (id),
    plan_digest   text not null,
    retry_token   text,
    request_token text,
    trigger       text not null check (trigger in ('check', 'inconclusive', 'apply_failure', 'requested')),
    message       text not null,
    to_version    text,
    attempt       uuid not null references {schema}.migration_runs (id),
    decided_at    timestamptz not null default clock_timestamp()
);
comment on table {schema}.migration_rollbacks is 'Runs that were taken back, or were to be. Their plans are not tried again.';
comment on column {schema}.migration_rollbacks.plan_digest is 'What is not tried again …';
comment on column {schema}.migration_rollbacks.retry_token is '… unless the retry token is another one.';
comment on column {schema}.migration_rollbacks.attempt is 'The newest run that takes it back.';

create table {schema}.migration_undo (
    id            bigint generated always as identity primary key,
    run_id        uuid not null references {schema}.migration_runs (id),
    key           text not null,
    direction     text not null check (direction in ('up', 'down')),
    file          text not null,
    statement     integer not null,
    line          integer not null,
    object        text not null,
    what          text not null check (what in ('table', 'column', 'rows')),
    table_oid     oid not null,
    table_schema  text not null,
    table_name    text not null,
    column_name   text,
    copy          text,
    after         text,
    rows          bigint,
    bytes         bigint,
    hash          text,
    gone          boolean not null,
    sequences     jsonb,
    note          text,
    restore_sql   text,
    created_at    timestamptz not null default clock_timestamp(),
    expires_at    timestamptz not null,
    superseded_at timestamptz,
    restored_at   timestamptz,
    restored_rows bigint,
    restored_by   uuid,
    left_rows     bigint,
    restore_note  text,
    dropped_at    timestamptz
);
create index migration_undo_key on {schema}.migration_undo (key);
comment on table {schema}.migration_undo is 'What destructive statements took away: which rows were copied to the schema sluice_undo before, and which could not be.';
comment on column {schema}.migration_undo.line is 'The line in the file of the statement that took them away.';
comment on column {schema}.migration_undo.what is 'table: dropped; column: dropped or converted; rows: deleted, changed or truncated.';
comment on column {schema}.migration_undo.copy is 'The table in sluice_undo; null where the rows were not copied, and then note says why.';
comment on column {schema}.migration_undo.after is 'The table in sluice_undo with the changed rows as the statement left them: only a row that still looks like that is set back.';
comment on column {schema}.migration_undo.hash is 'SHA-256 over the copied rows: a copy that was changed since is not used.';
comment on column {schema}.migration_undo.gone is 'The statement may have removed rows, not only changed them.';
comment on column {schema}.migration_undo.sequences is 'Where the table''s own sequences stood, by column.';
comment on column {schema}.migration_undo.restored_by is 'The run that restored them, or tried to; null where a person did.';
comment on column {schema}.migration_undo.restore_sql is 'The statement that restores the rows; null where only a person can.';
comment on column {schema}.migration_undo.superseded_at is 'The version was applied once more after that: its way down no longer uses this copy.';
comment on column {schema}.migration_undo.left_rows is 'Rows of the copy that were not restored, because they were changed or removed in between.';
comment on column {schema}.migration_undo.dropped_at is 'The copy expired and was dropped.';

create view {schema}.migration_locks as
    select 'ledger' as name, r.id as run_id, r.object, r.instance, r.backend_pid, r.backend_start, r.locked_at as acquired_at
    from {schema}.migration_runs r
    where r.outcome is null;
comment on view {schema}.migration_locks is 'Who holds the migration lock, for people. The lock itself is an advisory lock; a row whose session is gone means nothing.';

create function {schema}.run_hash(run {schema}.migration_runs) returns text
    language sql stable set search_path = pg_catalog
    return encode(sha256(convert_to(jsonb_build_array(
        run.chain, run.previous_hash, run.ordinal, run.id, run.object, run.object_uid, run.generation, run.retry_token,
        run.abort_token, run.rollback_token, run.instance, run.role, run.direction, run.from_version, run.to_version,
        run.plan_digest, run.set_digest, run.rehearsed, run.gates, run.server_version, run.server_timeline, run.server_lsn, run.backend_pid,
        (extract(epoch from run.backend_start) * 1000000)::bigint, (extract(epoch from run.locked_at) * 1000000)::bigint,
        (extract(epoch from run.started_at) * 1000000)::bigint,
        run.outcome, (extract(epoch from run.finished_at) * 1000000)::bigint, run.failed_step, run.failure_message,
        run.failure_sqlstate, run.failure_detail)::text, 'UTF8')), 'hex');
comment on function {schema}.run_hash is 'What the hash of a finished run must be.';

create function {schema}.guard_runs() returns trigger language plpgsql set search_path = pg_catalog as $guard$
begin
    if tg_op in ('DELETE', 'TRUNCATE') then
        raise exception 'migration_runs is append-only';
    end if;
    if tg_op = 'UPDATE' and old.outcome is not null then
        raise exception 'run % has ended; migration_runs is append-only', old.id;
    end if;
    if tg_op = 'INSERT' and new.outcome is not null then
        raise exception 'a run is recorded when it begins and again when it ends';
    end if;
    if tg_op = 'INSERT' then
        begin
            new.server_lsn := pg_current_wal_lsn();
            new.server_timeline := ('x' || substr(pg_walfile_name(new.server_lsn), 1, 8))::bit(32)::int;
        exception when others then
            null; -- Some providers refuse to tell; then the audit goes without.
        end;
    end if;
    if tg_op = 'UPDATE' and new.outcome is not null then
        new.finished_at := clock_timestamp();
        new.chain := 1;
        select r.chain + 1, r.hash into new.chain, new.previous_hash
            from {schema}.migration_runs r where r.chain is not null order by r.chain desc limit 1;
        new.chain := coalesce(new.chain, 1);
        new.hash := {schema}.run_hash(new);
    end if;
    return new;
end
$guard$;
comment on function {schema}.guard_runs is 'Keeps migration_runs append-only, notes where the server stood, and chains the runs as they end.';

create trigger guard_rows before insert or update or delete on {schema}.migration_runs
    for each row execute function {schema}.guard_runs();
create trigger guard_truncate before truncate on {schema}.migration_runs
    for each statement execute function {schema}.guard_runs();

create view {schema}.v_migration_status as
    select m.key, m.version, m.repeatable, m.description, m.kind, m.status,
        case
            when m.status = 'failed' and exists (
                select from {schema}.migration_runs f join {schema}.migration_runs r on r.ordinal > f.ordinal
                where f.id = m.run_id and r.outcome = 'succeeded') then 'WARNING'
            when m.status = 'failed' then 'CRITICAL'
            when m.status = 'running' and l.pid is null then 'CRITICAL'
            when m.status in ('running', 'pending', 'rolled_back') then 'WARNING'
            when m.failed_at > coalesce(m.applied_at, '-infinity') then 'WARNING'
            else 'OK'
        end as health,
        case
            when m.status = 'running' and l.pid is null then 'begun, not finished, and nobody is at it'
            when m.status = 'running' then 'running'
            when m.status = 'failed' then m.failure_message
            when m.status = 'rolled_back' then 'rolled back'
            when m.status = 'pending' then 'not begun'
            when m.failed_at > coalesce(m.applied_at, '-infinity') then m.failure_message
            when m.baseline then 'taken as applied, never run'
            else 'applied'
        end as note,
        m.applied_at, m.applied_by, m.execution_time_ms, m.rolled_back_at, m.rolled_back_by, m.down_sql is not null as has_down,
        m.run_id
    from {schema}.schema_migrations m
    left join (
        select r.backend_pid as pid
        from {schema}.migration_runs r
        join pg_catalog.pg_stat_activity a on a.pid = r.backend_pid and a.backend_start = r.backend_start
        where r.outcome is null
        limit 1
    ) l on true
    order by m.repeatable nulls first, pg_catalog.string_to_array(m.version, '.')::numeric[];
comment on view {schema}.v_migration_status is 'One row per version and repeatable script: OK, WARNING or CRITICAL, and why.';

create view {schema}.v_migration_performance as
    select m.key, m.version, m.repeatable, m.description, m.kind, m.risk, m.execution_time_ms,
        pg_catalog.round(100.0 * m.execution_time_ms / nullif(pg_catalog.sum(m.execution_time_ms) over (), 0), 1) as percent_of_total,
        pg_catalog.rank() over (order by m.execution_time_ms desc nulls last) as slowest,
        (select pg_catalog.count(*) from {schema}.migration_steps s where s.key = m.key and s.attempt = m.attempt) as journaled_statements,
        m.applied_at, m.run_id
    from {schema}.schema_migrations m
    where m.status = 'completed' and not m.baseline
    order by m.execution_time_ms desc nulls last;
comment on view {schema}.v_migration_performance is 'What took long, slowest first.';

create view {schema}.v_migration_audit as
    select r.chain, r.id, r.object, r.instance, r.role, r.direction, r.from_version, r.to_version, r.outcome, r.started_at,
        r.finished_at, r.gates, r.failed_step, r.failure_sqlstate, r.failure_message,
        r.hash = {schema}.run_hash(r)
            and r.previous_hash is not distinct from pg_catalog.lag(r.hash) over (order by r.chain)
            and r.chain = pg_catalog.row_number() over (order by r.chain) as intact
    from {schema}.migration_runs r
    where r.outcome is not null
    order by r.chain;
comment on view {schema}.v_migration_audit is 'Every finished run in the order in which they ended; intact is false where history was changed afterwards.';

create view {schema}.v_migration_verification as
    select v.run_id, r.object, r.direction, r.from_version, r.to_version, v.started_at, v.concluded_at,
        coalesce(v.verdict, 'open') as verdict, v.message, v.evidence, b.trigger as rolled_back_because,
        t.outcome as rollback_outcome, t.finished_at as rolled_back_at
    from {schema}.migration_runs r
    left join {schema}.migration_verifications v on v.run_id = r.id
    left join {schema}.migration_rollbacks b on b.run_id = r.id
    left join {schema}.migration_runs t on t.id = b.attempt
    where v.run_id is not null or b.run_id is not null
    order by r.ordinal;
comment on view {schema}.v_migration_verification is 'Every run that was verified or taken back: the verdict, why, and what came of it.';

create view {schema}.migration_summary as
    select
        (select m.version from {schema}.schema_migrations m
            where m.version is not null and (m.status = 'completed' or m.reverting)
            order by pg_catalog.string_to_array(m.version, '.')::numeric[] desc limit 1) as current_version,
        pg_catalog.count(*) filter (where m.status = 'completed') as completed,
        pg_catalog.count(*) filter (where m.status = 'failed') as failed,
        pg_catalog.count(*) filter (where m.status = 'running') as running,
        pg_catalog.count(*) filter (where m.status = 'rolled_back') as rolled_back,
        pg_catalog.count(*) filter (where m.baseline) as baseline,
        pg_catalog.sum(m.execution_time_ms) filter (where m.status = 'completed') as total_execution_time_ms,
        pg_catalog.max(m.applied_at) as last_applied_at,
        (select pg_catalog.count(*) from {schema}.migration_runs) as runs,
        (select r.outcome from {schema}.migration_runs r order by r.ordinal desc limit 1) as last_run_outcome,
        (select r.finished_at from {schema}.migration_runs r order by r.ordinal desc limit 1) as last_run_finished_at
    from {schema}.schema_migrations m;
comment on view {schema}.migration_summary is 'The whole ledger in one row.';

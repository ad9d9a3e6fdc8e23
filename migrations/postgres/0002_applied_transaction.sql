-- Which transaction applied a version, and which others were under way then: what tells rows written since from others.

alter table {schema}.schema_migrations
    add column applied_transaction xid8,
    add column applied_snapshot pg_snapshot;
comment on column {schema}.schema_migrations.applied_transaction is 'The transaction that wrote this row when the version was applied: that of a transactional script itself.';
comment on column {schema}.schema_migrations.applied_snapshot is 'What that transaction saw as finished and under way at its end.';

-- base
create table t(id int primary key, v text); comment on column t.v is 'it'; grant select (v) on t to pg_monitor; alter table t replica identity full; create statistics s on id, v from t; insert into t values (1, 'a');
-- up
drop statistics s; alter table t drop column v;
-- down
alter table t add column v text; comment on column t.v is 'it'; grant select (v) on t to pg_monitor; create statistics s on id, v from t;

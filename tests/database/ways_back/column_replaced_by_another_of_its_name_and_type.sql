-- base
create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table t drop column v; alter table t add column v text default 'new';
-- down
alter table t drop column v; alter table t add column v text;

-- base
create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 9) n;
-- up
alter table t drop column v; alter table t alter id type numeric(8, 2);
-- down
alter table t add column v text; alter table t alter id type int;

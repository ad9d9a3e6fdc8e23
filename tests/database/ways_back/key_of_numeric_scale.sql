-- base
create table t(id numeric(6, 2) primary key, v text); insert into t select n + 0.5, 'v' || n from generate_series(1, 9) n;
-- up
alter table t drop column v; alter table t alter id type numeric(8, 4);
-- down
alter table t alter id type numeric(6, 2); alter table t add column v text;

-- base
create table t(id int primary key, v text); insert into t select n, n || '.75' from generate_series(1, 6) n;
-- up
alter table t alter v type numeric using v::numeric;
-- down
alter table t alter v type text;
-- up
alter table t alter v type int;
-- down
alter table t alter v type numeric;
-- up
alter table t drop column v;
-- down
alter table t add column v int;

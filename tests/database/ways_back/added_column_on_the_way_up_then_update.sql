-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table t add column b text default 'x'; update t set a = upper(a), b = a;
-- down
alter table t drop column b;

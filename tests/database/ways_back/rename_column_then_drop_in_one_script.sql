-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table t rename column a to b; alter table t drop column b;
-- down
alter table t add column b text; alter table t rename column b to a;

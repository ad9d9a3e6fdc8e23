-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table t drop column a; alter table t rename column id to key;
-- down
alter table t add column a text; alter table t rename column key to id;

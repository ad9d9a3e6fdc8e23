-- base
create table t(id int primary key, a text, b text); insert into t select n, 'v' || n, 'b' || n from generate_series(1, 6) n;
-- up
alter table t rename column id to key; alter table t drop column a; update t set b = 'x' where key < 3; delete from t where key = 6;
-- down
alter table t add column a text; alter table t rename column key to id;

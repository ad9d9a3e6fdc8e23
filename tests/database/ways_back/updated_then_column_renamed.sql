-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
update t set a = 'x' where id > 4; delete from t where id = 1; alter table t rename column a to b;
-- down
alter table t rename column b to a;

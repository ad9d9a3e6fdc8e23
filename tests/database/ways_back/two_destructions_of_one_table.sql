-- base
create table t(id int primary key, v text, w text); insert into t select n, 'v' || n, 'w' || n from generate_series(1, 6) n;
-- up
update t set w = v where id > 3; alter table t drop column v; delete from t where id = 2; update t set w = 'x' where id = 5; drop table t;
-- down
create table t(id int primary key, w text); alter table t add column v text;

-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table t drop column a; delete from t where id = 3; alter table t rename to u;
-- down
alter table u rename to t; alter table t add column a text;

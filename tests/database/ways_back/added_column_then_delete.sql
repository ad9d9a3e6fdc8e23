-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table t add column b text default 'x'; delete from t where id > 4;
-- down
alter table t drop column b;

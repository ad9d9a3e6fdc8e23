-- base
create table t(id int primary key, v text); create table s(id int primary key); insert into t select n, 't' || n from generate_series(1, 6) n; insert into s values (1), (2);
-- up
delete from t using s where s.id = t.id; delete from t as x where exists (select from s where s.id = x.id - 2);
-- down
select 1;

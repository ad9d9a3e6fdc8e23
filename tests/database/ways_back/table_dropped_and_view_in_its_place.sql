-- base
create table t(id int primary key, a text); insert into t select n, 'a' || n from generate_series(1, 6) n;
-- up
create table t2 as select * from t; drop table t; create view t as select * from t2;
-- down
drop view t; create table t(id int primary key, a text); drop table t2;

-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
create table bak as select * from t; truncate t; insert into t select id + 10, a from bak;
-- down
delete from t where id > 10; drop table bak;

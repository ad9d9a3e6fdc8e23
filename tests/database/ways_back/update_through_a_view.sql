-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n; create view w as select * from t where id < 4;
-- up
update w set a = 'x'; delete from w where id = 1;
-- down
select 1;

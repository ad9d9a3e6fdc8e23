-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
create temporary table x on commit drop as select * from t; update x set a = 'y'; delete from t where id in (select id from x where id > 3);
-- down
select 1;

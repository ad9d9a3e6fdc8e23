-- base
create table t(id int primary key, v text); insert into t select n, 't' || n from generate_series(1, 6) n;
-- up
with x as (select id from t where id > 2 order by id limit 2) update t set v = 'x' from x where x.id = t.id;
-- down
select 1;

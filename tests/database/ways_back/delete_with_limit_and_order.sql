-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
delete from t where ctid in (select ctid from t order by id limit 3); update t set a = now()::text where random() < 2;
-- down
select 1;

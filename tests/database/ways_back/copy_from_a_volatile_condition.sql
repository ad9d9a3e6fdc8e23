-- base
create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 200) n;
-- up
delete from t where random() < 0.5;
-- down
select 1;

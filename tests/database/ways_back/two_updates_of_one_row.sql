-- base
create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
update t set v = 'x' where id > 3; update t set v = v || 'y' where id > 4; delete from t where id = 6;
-- down
select 1;

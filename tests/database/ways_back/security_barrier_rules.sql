-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n; create rule r as on delete to t do instead update t set a = 'deleted' where id = old.id;
-- up
delete from t where id > 4;
-- down
select 1;

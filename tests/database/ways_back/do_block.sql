-- base
create table t(id int primary key, v text); insert into t select n, 't' || n from generate_series(1, 6) n;
-- up
do $$ begin delete from t where id > 4; update t set v = 'x' where id = 1; alter table t drop column v; end $$;
-- down
alter table t add column v text;

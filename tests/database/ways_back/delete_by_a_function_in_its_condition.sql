-- base
create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 6) n; create function odd(n int) returns boolean language sql immutable as $$ select n % 2 = 1 $$;
-- up
delete from t where odd(id) returning *;
-- down
select 1;

-- base
create table t(id int primary key, v text); insert into t select n, 't' || n from generate_series(1, 6) n; 
create procedure tidier() language plpgsql as $$ begin delete from t where id = 1; end $$;
-- up
-- sluice:transaction
call tidier();
-- down
select 1;
-- told
plan: 002 line 2 takes away whatever CALL does
up: whatever CALL does
-- differs
gone public.t

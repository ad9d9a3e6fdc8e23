-- base
create table t(id int primary key, v text); insert into t select n, 't' || n from generate_series(1, 6) n; create function tidy() returns int language plpgsql as $$ begin delete from t where id > 4; return 1; end $$;
create procedure tidier() language plpgsql as $$ begin delete from t where id = 1; end $$;
-- up
select tidy();
-- down
select 1;
-- told
plan: 002 line 1 takes away whatever function public.tidy does without an undo copy
up: whatever function public.tidy does
-- differs
gone public.t

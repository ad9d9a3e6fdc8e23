-- base
create table t(id int primary key, v text); insert into t select n, 't' || n from generate_series(1, 6) n;
-- up
do $$ begin execute format('delete from %I where id > 4', 't'); end $$;
-- down
select 1;
-- told
plan: 002 line 1 takes away whatever DO does without an undo copy
up: whatever DO does: not copied
-- differs
gone public.t

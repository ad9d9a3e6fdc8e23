-- base
create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 10001) n;
-- up
alter table t drop column v;
-- down
alter table t add column v text;
-- told
plan: 002 line 1 takes away column public.t.v without an undo copy
up: column public.t.v: not copied
-- differs
gone public.t
new public.t

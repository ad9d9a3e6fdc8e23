-- base
create table t(a int, b text); insert into t select n, 'b' || n from generate_series(1, 4) n;
-- up
update t set b = 'x' where a < 3;
-- down
select 1;
-- told
only a person can restore them
-- differs
gone public.t
new public.t

-- base
create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
delete from t where id = 3; insert into t values (3, 'new');
-- down
select 1;
-- told
1 left as they are
-- differs
gone public.t
new public.t

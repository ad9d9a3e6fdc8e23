-- base
create table t(id int generated always as identity primary key, v text); insert into t(v) select 'v' || n from generate_series(1, 4) n;
-- up
truncate t restart identity;
-- since
insert into t(v) values ('new');
-- down
select 1;
-- told
3 rows restored from the copy, 1 left as they are
-- differs
gone public.t: {"v": "v1"
new public.t

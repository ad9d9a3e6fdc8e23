-- base
create table t(id int primary key, v text, w text, f float8); insert into t select n, 'v' || n, 'w' || n, n / 3.0::float8 from generate_series(1, 6) n;
-- up
-- sluice:no-transaction
alter table t alter f type real;
alter table t drop column v;
delete from t where id > 4;
alter table t drop column w;
drop table t;
-- down
-- sluice:no-transaction
create table t(id int primary key, f real);
alter table t add column w text;
update t set w = 'a guess';
alter table t alter f type float8;
alter table t add column v text;
-- told
down: column public.t.v: 6 rows restored from the copy
down: column public.t.w: 4 rows restored from the copy
down: column public.t.f: 6 rows restored from the copy
down: rows of public.t: 2 rows restored from the copy

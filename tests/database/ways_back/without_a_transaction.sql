-- base
create table t(id int primary key, v text not null, n int); insert into t select n, 'v' || n, n from generate_series(1, 6) n;
create table gone(id int generated always as identity primary key, v text); insert into gone(v) values ('a'), ('b');
create index t_n on t(n);
-- up
update t set n = -n where id < 3;
drop index concurrently t_n;
delete from t where id = 6;
alter table t drop column v;
drop table gone;
create table scratch as select * from t;
create index concurrently on scratch(id);
update scratch set n = 0;
drop table scratch;
-- down
create index concurrently t_n on t(n);
create table gone(id int generated always as identity primary key);
alter table gone add v text;
alter table t add column v text;
update t set v = 'a guess';
alter table t alter v set not null;
-- told
down: column public.t.v: 5 rows restored from the copy
down: rows of public.t: 1 row restored from the copy
down: rows of public.t: 2 rows restored from the copy
down: table public.gone: 2 rows restored from the copy

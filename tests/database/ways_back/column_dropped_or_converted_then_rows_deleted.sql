-- base
create type mood as enum ('good', 'bad'); create table t(id int, part text, v text not null, j jsonb, m mood, n int, primary key (id, part));
insert into t select n, 'p', 'v' || n, jsonb_build_object('n', n), case when n % 2 = 0 then 'good'::mood end, n from generate_series(1, 5) n;
create table u(id int generated always as identity primary key, v text not null); insert into u(v) values ('a'), ('b');
create table w(id int primary key, v text not null); insert into w values (1, 'a'), (2, 'b');
-- up
alter table t drop column v; alter table t alter j type text using ''; alter table t drop column m; delete from t where id > 3;
alter table u drop column v; truncate u; alter table w drop column v; drop table w;
-- down
create table w(id int primary key); alter table w add column v text; alter table w alter v set not null;
alter table u add column v text; alter table u alter v set not null;
alter table t add column m mood; alter table t alter j type jsonb using null; alter table t add column v text; alter table t alter v set not null;
-- told
down: rows of public.t: 2 rows restored from the copy

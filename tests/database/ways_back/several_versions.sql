-- base
create table t(id int primary key, v text, w text); create table u(id int primary key, t int references t); insert into t select n, 'v' || n, 'w' || n from generate_series(1, 6) n; insert into u select n, n from generate_series(1, 6) n;
-- up
alter table t drop column v;
-- down
alter table t add column v text;
-- up
delete from u where id < 3; delete from t where id < 3;
-- down
select 1;
-- up
alter table t add column v int default 5; update t set w = 'x';
-- down
alter table t drop column v;
-- up
drop table u; drop table t;
-- down
create table t(id int primary key, w text, v int default 5); create table u(id int primary key, t int references t);

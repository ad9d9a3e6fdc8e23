-- base
create table t(id int primary key, v text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
drop table t; create table t(id int primary key, w text); 
-- since
insert into t values (1, 'new');
-- down
drop table t; create table t(id int primary key, v text);
-- lost
table public.t: 1 row written since

-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table t rename to t_old; drop table t_old;
-- down
create table t_old(id int, a text); alter table t_old rename to t; alter table t add primary key (id);

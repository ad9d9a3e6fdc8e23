-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
create table t_new(id int primary key, a text, b int); insert into t_new select id, a, 1 from t; alter table t rename to t_old; alter table t_new rename to t; drop table t_old;
-- down
drop table t; create table t(id int primary key, a text);

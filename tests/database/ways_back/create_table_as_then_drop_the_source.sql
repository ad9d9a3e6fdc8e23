-- base
create table t(id int primary key, a text); insert into t select n, 'a' || n from generate_series(1, 6) n;
-- up
create table u as table t; drop table t; alter table u rename to t; alter table t add primary key (id);
-- down
alter table t rename to u; alter index t_pkey rename to u_pkey; create table t(id int primary key, a text); drop table u;

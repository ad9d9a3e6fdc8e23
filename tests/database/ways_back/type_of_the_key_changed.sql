-- base
create table t(id varchar(20) primary key, v text); insert into t select n || ' ', 'v' || n from generate_series(1, 9) n;
-- up
alter table t alter id type char(30); alter table t drop column v;
-- down
alter table t add column v text; alter table t alter id type varchar(20);
-- differs
gone public.t
new public.t

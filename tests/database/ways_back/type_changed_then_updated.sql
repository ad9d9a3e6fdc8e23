-- base
create table t(id int primary key, c numeric(8,2), v int); insert into t values (1, 1.37, 5), (2, null, 6), (3, 2.00, 7);
-- up
alter table t alter c type int using c::int; update t set v = 0 where id < 3;
-- down
alter table t alter c type numeric(8,2);

-- base
create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
update t set a = 'x' where id > 4;
-- down
select 1;
-- up
alter table t add column c int default 5; alter table t drop column a;
-- down
alter table t add column a text; alter table t drop column c;

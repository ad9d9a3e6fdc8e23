-- base
create table t(id int primary key, v text not null); insert into t values (1, 'a'), (2, 'b'), (3, 'c');
-- up
update t set v = 'x' where id < 3; alter table t drop column v;
-- down
alter table t add column v text; alter table t alter v set not null;
-- told
down: rows of public.t: 2 rows restored from the copy

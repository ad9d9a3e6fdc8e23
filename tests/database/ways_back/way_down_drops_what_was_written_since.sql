-- base
create table t(id int primary key); insert into t values (1), (2);
-- up
alter table t add column v text; insert into t values (3, 'by the migration');
-- since
update t set v = 'by the application' where id = 1;
-- down
delete from t where id = 3; alter table t drop column v;
-- lost
column public.t.v: 1 row written since

-- base
create table t(id int primary key, v text not null); insert into t values (1, 'a'), (2, 'b');
-- up
alter table t drop column v;
-- down
savepoint a; alter table t add column v text; savepoint b; alter table t alter column v set not null; release a;

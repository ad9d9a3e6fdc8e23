-- base
create table t(id int primary key, v text not null);
insert into t values (1, 'a'), (2, 'b');
-- up
alter table t drop column v;
-- down
alter table t add column v text not null default ''; alter table t alter column v drop default;

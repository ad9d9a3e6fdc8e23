-- base
create table t(id int primary key, first text, last text, full_name text generated always as (first || ' ' || last) stored); insert into t values (1, 'A', 'B'), (2, 'C', 'D'); create index on t(full_name);
-- up
alter table t drop column first cascade;
-- down
alter table t add column first text; alter table t add column full_name text generated always as (first || ' ' || last) stored; create index on t(full_name);

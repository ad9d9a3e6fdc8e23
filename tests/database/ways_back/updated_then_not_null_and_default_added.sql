-- base
create table t(id int primary key, a text); insert into t select n, case when n > 2 then 'v' || n end from generate_series(1, 6) n;
-- up
update t set a = '' where a is null; alter table t alter a set not null, alter a set default '';
-- down
alter table t alter a drop not null, alter a drop default;

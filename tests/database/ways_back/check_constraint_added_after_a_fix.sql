-- base
create table t(id int primary key, n int); insert into t select n, n - 3 from generate_series(1, 6) n;
-- up
update t set n = 0 where n < 0; alter table t add constraint positive check (n >= 0);
-- down
alter table t drop constraint positive;

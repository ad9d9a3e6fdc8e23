-- base
create table t(a int, b text); insert into t select n % 3, 'b' || n % 2 from generate_series(1, 12) n;
-- up
truncate t;
-- down
select 1;

-- base
create table t(a int, b text, c float8); insert into t select n % 3, 'b' || n % 2, n / 3.0 from generate_series(1, 12) n; insert into t values (null, null, null), (null, null, null);
-- up
alter table t drop column b; delete from t where a = 1; 
-- down
alter table t add column b text;

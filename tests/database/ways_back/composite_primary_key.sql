-- base
create table t(a int, b text, v jsonb, primary key (b, a));
insert into t select n % 3, 'b' || n, jsonb_build_object('n', n) from generate_series(1, 12) n;
-- up
alter table t drop column v; delete from t where a = 1;
-- down
alter table t add column v jsonb;

-- base
create table t(t int primary key, c text, p jsonb, a date, h int[], x xml, sluice_row int); insert into t select n, 'c' || n, jsonb_build_object('p', n), '2020-01-01', array[n], '<x/>', n from generate_series(1, 6) n; create table c(c int, t text); insert into c select n / 2, 't' from generate_series(1, 6) n;
-- up
update t set c = 'x', a = now() where t > 4; delete from t where t = 1; delete from c where c = 1; alter table t drop c, drop p, drop a, drop h, drop x; alter table c drop t; drop table c;
-- down
alter table t add c text, add p jsonb, add a date, add h int[], add x xml; create table c(c int, t text);

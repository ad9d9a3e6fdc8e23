-- base
create table t(k text primary key, n int generated always as identity);
insert into t(k) select 'k' || n from generate_series(1, 10) n; delete from t where n > 8;
-- up
alter table t drop column n;
-- down
alter table t add column n int generated always as identity;

-- base
create table t(k text primary key, n serial);
insert into t(k) select 'k' || n from generate_series(1, 10) n;
update t set n = 100 - n;
-- up
alter table t drop column n;
-- down
alter table t add column n serial;

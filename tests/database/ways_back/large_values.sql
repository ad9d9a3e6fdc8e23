-- base
create table t(id int primary key, v text, j jsonb, b bytea); insert into t select n, (select string_agg(md5(i::text || n), '') from generate_series(1, 3000) i), jsonb_build_object('k', repeat('x', 100000)), decode(repeat('00ff', 50000), 'hex') from generate_series(1, 8) n;
alter table t alter v set storage external;
-- up
update t set j = '{}' where id = 1; delete from t where id = 2; alter table t drop column v; alter table t drop column b;
-- down
alter table t add column v text, add column b bytea; alter table t alter v set storage external;

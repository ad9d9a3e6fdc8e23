-- base
create table t(a int not null, b text, c text); create unique index on t(a); create unique index on t(lower(b)) where b is not null; insert into t select n, 'B' || n, 'c' from generate_series(1, 6) n;
-- up
update t set c = 'x' where a < 3; delete from t where a = 6; alter table t drop column b;
-- down
alter table t add column b text; create unique index on t(lower(b)) where b is not null;

-- base
create table t(k float8 primary key, v text); insert into t values (0.1, 'a'), (0.10000000000000002, 'b'), (0.3, 'c'), (0.30000000000000004, 'd');
-- up
set local extra_float_digits = -8; alter table t drop column v;
-- down
set local extra_float_digits = -8; alter table t add column v text;

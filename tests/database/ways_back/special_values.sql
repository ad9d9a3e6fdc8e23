-- base
create table t(id int primary key, a float8, b float4, c numeric, d timestamptz, e date, f timestamp, g text, h bytea, i interval, j float8[]);
insert into t values (1, 'NaN', 'Infinity', 'NaN', 'infinity', '-infinity', 'infinity', '', '', '00:00:00', '{NaN,-Infinity,-0}'), (2, '-0', 1e-30, 'Infinity', '4713-01-01 00:00:00+00 BC', '5874897-12-31', '294276-12-31 23:59:59.999999', E'tab\tnl\nbs\\', '\x00', '-1 mon', '{}'), (3, 0.1, 0.1, 1e-100, '2020-01-01 00:00:00.000001+00', null, null, 'ü€😀', null, '178000000 years', null);
insert into t values (4, 1.7976931348623157e308, 3.4028235e38, 12345678901234567890.1234567890, now(), now(), now(), repeat('x', 10), null, null, null);
-- up
update t set a = 0, b = 0, c = 0, d = now(), e = now(), f = now(), g = 'x', h = 'x', i = '1 s', j = '{1}' where id in (1, 2); delete from t where id = 3;
alter table t drop column a, drop b, drop c, drop d, drop e, drop f; drop table t;
-- down
create table t(id int primary key, g text, h bytea, i interval, j float8[]); alter table t add a float8, add b float4, add c numeric, add d timestamptz, add e date, add f timestamp;

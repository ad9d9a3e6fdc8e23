-- base
create table t(id int primary key, a float8, d timestamptz, i interval, b bytea, m money, x xml); insert into t values (1, 0.1 + 0.2, '2020-02-03 04:05:06.789012+00', '1 day -00:00:01', '\xdead', 1234.5, '<a/>'), (2, 1.0/3, '2021-12-11', '2 mons', '\x00', -1, 'b');
-- up
set local extra_float_digits = -10; set local datestyle = 'german, dmy'; set local intervalstyle = 'sql_standard'; set local bytea_output = 'escape'; set local timezone = 'Asia/Kolkata'; set local lc_monetary = 'C';
update t set a = 0, d = now(), i = '1 s', b = null, m = 0; delete from t where id = 2; alter table t drop column m; alter table t drop column d;
-- down
set local datestyle = 'sql, mdy'; set local intervalstyle = 'iso_8601'; set local timezone = 'America/New_York'; set local extra_float_digits = -5;
alter table t add column m money, add column d timestamptz;

-- base
create domain day as date; create domain amount as float8; create type stay as (f date, t interval); create table t(id int primary key, d day, a amount, s stay, r daterange); insert into t values (1, '2020-02-03', 0.1::float8 + 0.2, row('2020-02-03', '1 day -00:00:01'), '[2020-02-03,2020-03-04)'), (2, '2021-12-11', 1.0/3, row(null, '-1 mon'), null), (3, '2022-01-02', 1, null, null);
-- up
set local datestyle = 'german, dmy'; set local intervalstyle = 'sql_standard'; set local extra_float_digits = -10;
update t set d = '1.1.2000', a = 0 where id = 1; delete from t where id = 3; alter table t drop column s; update t set a = a + 1e-13;
drop table t;
-- down
set local datestyle = 'sql, mdy'; set local intervalstyle = 'iso_8601'; set local extra_float_digits = -5;
create table t(id int primary key, d day, a amount, r daterange); alter table t add s stay;

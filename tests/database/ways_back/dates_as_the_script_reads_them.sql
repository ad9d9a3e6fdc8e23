-- base
create type mood as enum ('a', 'b');
create table t(id int primary key, d date); insert into t values (1, '2023-01-01'), (2, '2023-01-03'), (3, '2001-02-01'), (4, '2001-03-01');
create table u(id int primary key, d date, m mood); insert into u select id, d, 'b' from t;
create table i(id int primary key, v interval); insert into i values (1, '-1 day -2 hours'), (2, '-1 day +2 hours'), (3, '5 days');
create table z(id int primary key, at timestamptz, m mood); insert into z select n, '2020-01-01 00:00+00'::timestamptz + n * interval '1 hour', 'a' from generate_series(-10, 10) n;
-- up
delete from t where d < '01/02/23'; delete from u where d < '01/02/23';
set local intervalstyle = 'sql_standard'; delete from i where v = '-1 2:00:00';
set local timezone = 'Asia/Kolkata'; delete from z where at < '2020-01-01';
-- down
select 1;

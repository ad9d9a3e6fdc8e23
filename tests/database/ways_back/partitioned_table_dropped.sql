-- base
create table m(id serial, at date, v text, primary key (id, at, v)) partition by range (at);
create table m1 partition of m for values from ('2020-01-01') to ('2021-01-01') partition by list (v);
create table m1a partition of m1 for values in ('v1', 'v2'); create table m1d partition of m1 default;
create table m2 partition of m default;
insert into m(at, v) select '2020-06-01'::date + n * 30, 'v' || n from generate_series(1, 15) n;
-- up
drop table m;
-- down
create table m(id serial, at date, v text, primary key (id, at, v)) partition by range (at);
create table m1 partition of m for values from ('2020-01-01') to ('2021-01-01') partition by list (v);
create table m1a partition of m1 for values in ('v1', 'v2'); create table m1d partition of m1 default;
create table m2 partition of m default;

-- base
create table m(id int, at date, v text, primary key (id, at)) partition by range (at);
create table m1 partition of m for values from ('2020-01-01') to ('2021-01-01');
create table m2 partition of m for values from ('2021-01-01') to ('2022-01-01');
insert into m select n, '2020-06-01'::date + n * 30, 'v' || n from generate_series(1, 15) n;
-- up
alter table m detach partition m1; drop table m1;
-- down
create table m1 partition of m for values from ('2020-01-01') to ('2021-01-01');

-- base
create table m(id int, at date, v text, primary key (id, at)) partition by range (at);
create table m1 partition of m for values from ('2020-01-01') to ('2021-01-01'); create table m2 partition of m default;
insert into m select n, '2020-06-01'::date + n * 30, 'v' || n from generate_series(1, 15) n;
-- up
alter table m drop column v; delete from m where id > 10; 
-- down
alter table m add column v text;

-- base
create table m(id int, at date, v text) partition by range (at); create table m0 partition of m default; insert into m select n, '2020-06-01'::date + n * 30, 'v' || n from generate_series(1, 15) n;
-- up
create table m20 (like m); with moved as (delete from m0 where at < '2021-01-01' returning *) insert into m20 select * from moved; alter table m attach partition m20 for values from ('2020-01-01') to ('2021-01-01');
-- down
alter table m detach partition m20; drop table m20;

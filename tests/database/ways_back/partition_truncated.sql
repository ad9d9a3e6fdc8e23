-- base
create table m(id int primary key, v text) partition by range (id); create table m1 partition of m for values from (1) to (10); create table m2 partition of m for values from (10) to (20); insert into m select n, 'v' || n from generate_series(1, 15) n;
-- up
truncate m1; delete from m2 where id > 12; update only m2 set v = 'x';
-- down
select 1;

-- base
create table a(id int primary key, v text); create table b(id int primary key, v text); insert into a select n, 'a' from generate_series(1, 3) n; insert into b select n, 'b' from generate_series(1, 3) n;
-- up
insert into a select id + 10, v from b; drop table b;
-- down
create table b(id int primary key, v text); delete from a where id > 10;

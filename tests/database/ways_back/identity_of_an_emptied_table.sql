-- base
create table a(id int generated always as identity primary key, v text);
create table b(id serial primary key, v text);
insert into a(v) select 'a' || n from generate_series(1, 10) n;
insert into b(v) select 'b' || n from generate_series(1, 10) n;
-- up
truncate a restart identity; truncate table b restart identity;
-- down
select 1;

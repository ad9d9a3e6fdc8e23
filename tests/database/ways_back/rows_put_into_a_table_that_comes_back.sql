-- base
create table s(id int primary key, v text, n int); insert into s values (1, 'custom', 5), (2, 'b', null), (3, 'more', 7);
create table i(id int generated always as identity primary key, v text unique); insert into i(v) values ('custom'), ('b'), ('c');
-- up
drop table s; drop table i;
-- down
create table s(id int primary key, v text, n int); insert into s values (1, 'default', 0), (2, 'b', 1);
create table i(id int generated always as identity primary key, v text unique); insert into i(v) values ('default');

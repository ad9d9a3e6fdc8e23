-- base
create table s(id int primary key, v text, n int); insert into s values (1, 'custom', 5), (2, 'b', null), (3, 'more', 7);
-- up
drop table s;
-- down
-- sluice:no-transaction
create table s(id int primary key, v text, n int);
insert into s values (1, 'default', 0), (2, 'b', 1);

-- base
create table s(id int primary key, v text); insert into s values (1, 'a'), (2, 'b');
-- up
create table s2(id int primary key, v text); insert into s2 select * from s; drop table s;
-- down
create table s(id int primary key, v text); insert into s select * from s2; drop table s2;
-- since
update s2 set v = 'written since' where id = 1;
-- lost
table public.s2
-- differs
gone public.s: {"v": "a"
new public.s: {"v": "written since"

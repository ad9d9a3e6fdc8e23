-- base
create table a(id int primary key, b int); create table b(id int primary key, a int references a on delete cascade); alter table a add foreign key (b) references b on delete cascade; insert into a values (1, null), (2, null), (3, null); insert into b values (1, 1), (2, 2), (3, 3); update a set b = id - 1 where id > 1;
-- up
delete from a where id = 1;
-- down
select 1;

-- base
create table a(id int primary key, b int); create table b(id int primary key, a int references a); alter table a add foreign key (b) references b;
insert into a values (1, null), (2, null); insert into b values (1, 1), (2, 2); update a set b = id;
-- up
drop table a cascade; drop table b;
-- down
create table a(id int primary key, b int); create table b(id int primary key, a int references a); alter table a add foreign key (b) references b;

-- base
create table e(id int primary key, v text); create table n(id int primary key, v text, w text default 'x'); insert into n values (1, null, null), (2, null, null);
-- up
drop table e; alter table n drop column v, drop column w;
-- down
create table e(id int primary key, v text); alter table n add column v text, add column w text default 'x';

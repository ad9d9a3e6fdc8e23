-- base
create table p(id int primary key, v text); create table c(extra int) inherits (p); alter table c add primary key (id);
insert into p values (1, 'a'), (2, 'b'); insert into c values (10, 'c', 1), (11, 'd', 2);
-- up
alter table p drop column v; delete from p where id in (2, 11);
-- down
alter table p add column v text;

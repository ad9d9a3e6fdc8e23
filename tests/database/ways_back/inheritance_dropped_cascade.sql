-- base
create table p(id int primary key, v text); create table c(extra int) inherits (p);
insert into p values (1, 'a'), (2, 'b'); insert into c values (10, 'c', 1), (11, 'd', 2);
-- up
drop table p cascade;
-- down
create table p(id int primary key, v text); create table c(extra int) inherits (p);

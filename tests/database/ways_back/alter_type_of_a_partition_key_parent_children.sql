-- base
create table p(id int, v numeric(10, 4)); create table c() inherits (p); insert into p values (1, 1.2345); insert into c values (2, 2.3456);
-- up
alter table p alter v type numeric(10, 1);
-- down
alter table p alter v type numeric(10, 4);

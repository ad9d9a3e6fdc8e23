-- base
create table p(id int primary key); create table c(id int primary key, p int references p, v text, w text); insert into p values (1), (2); insert into c values (1, 1, 'a', 'A'), (2, 2, 'b', 'B');
-- up
alter table c drop column w; update c set v = 'x' where id = 1; truncate p cascade;
-- down
alter table c add column w text;

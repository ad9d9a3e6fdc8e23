-- base
create table p(id int primary key); create table c(id int primary key, p int references p on delete set null, q int default 9 references p on delete set default); insert into p values (1), (2), (9); insert into c values (1, 1, 2), (2, 2, 1);
-- up
delete from p where id < 3;
-- down
select 1;

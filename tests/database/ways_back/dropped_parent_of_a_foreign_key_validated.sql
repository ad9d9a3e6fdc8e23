-- base
create table p(id int primary key, v text); create table c(id int primary key, p int references p); insert into p values (1, 'a'), (2, 'b'); insert into c values (1, 1), (2, 2);
-- up
drop table p cascade;
-- down
create table p(id int primary key, v text); alter table c add constraint c_p_fkey foreign key (p) references p;

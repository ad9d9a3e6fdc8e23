-- base
create table p(id int primary key); create table c(id int primary key, p int references p); create table g(id int, c int references c);
insert into p select generate_series(1, 5); insert into c select n, n from generate_series(1, 5) n; insert into g select n, n from generate_series(1, 5) n;
-- up
truncate p cascade;
-- down
select 1;

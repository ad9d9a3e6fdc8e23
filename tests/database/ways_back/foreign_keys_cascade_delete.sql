-- base
create table p(id int primary key); create table c(id int primary key, p int references p on delete cascade); create table g(id int primary key, c int references c on delete cascade, v text);
create table s(id int primary key, p int references p on delete set null);
insert into p select generate_series(1, 5); insert into c select n, (n % 5) + 1 from generate_series(1, 10) n; insert into g select n, (n % 10) + 1, 'g' || n from generate_series(1, 20) n; insert into s select n, n from generate_series(1, 5) n;
-- up
delete from p where id <= 2;
-- down
select 1;

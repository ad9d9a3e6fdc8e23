-- base
create table u(id int primary key, v text); create table c(id int primary key, u int references u on update cascade); insert into u select n, 'v' || n from generate_series(1, 6) n; insert into c select n, n from generate_series(1, 6) n;
-- up
update u set id = id + 100 where id < 3;
-- down
select 1;
-- told
the key of 2 rows was changed
rows of public.c: not restored, 23503
-- differs
gone public.
new public.

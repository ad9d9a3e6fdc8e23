-- base
create table u(id int primary key, v text); insert into u select n, 'v' || n from generate_series(1, 6) n;
-- up
update u set id = id + 100;
-- down
select 1;
-- told
the key of 6 rows was changed
-- differs
gone public.u
new public.u

-- base
create table u(id int primary key, pos int unique); insert into u select n, n from generate_series(1, 6) n;
-- up
update u set pos = pos + 100; update u set pos = 107 - pos;
-- down
select 1;

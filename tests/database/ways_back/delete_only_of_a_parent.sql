-- base
create table p(id int, v text); create table c() inherits (p); insert into p values (1, 'a'), (2, 'b'); insert into c values (1, 'c'), (2, 'd');
-- up
delete from only p where id = 1; update only c set v = 'x' where id = 2; truncate only p;
-- down
select 1;
-- told
copied, but without a key
-- differs
gone public.c
new public.c

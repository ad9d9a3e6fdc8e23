-- base
create extension citext; create table t(id int primary key, a citext); insert into t values (1, 'A'), (2, 'b');
-- up
drop extension citext cascade;
-- down
create extension citext; alter table t add column a citext;
-- told
plan: 002 line 1 takes away whatever DROP EXTENSION
up: whatever DROP EXTENSION … CASCADE does: not copied
-- differs
gone public.t
new public.t

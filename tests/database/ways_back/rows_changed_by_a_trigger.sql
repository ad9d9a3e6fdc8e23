-- base
create table t(id int primary key, a text); create table u(id int primary key, n int); insert into t select n, 'v' || n from generate_series(1, 6) n; insert into u values (1, 6);
create function f() returns trigger language plpgsql as $$ begin update u set n = n - 1; return null; end $$; create trigger x after delete on t for each row execute function f();
-- up
delete from t where id > 3;
-- down
select 1;
-- told
plan: 002 line 1 takes away whatever trigger x on public.t does
up: whatever trigger x on public.t does
-- differs
gone public.u
new public.u

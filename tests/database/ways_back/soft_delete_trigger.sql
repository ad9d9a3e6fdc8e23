-- base
create table t(id int primary key, a text, gone boolean default false); insert into t select n, 'v' || n from generate_series(1, 6) n;
create function f() returns trigger language plpgsql as $$ begin update t set gone = true where id = old.id; return null; end $$; create trigger x before delete on t for each row execute function f();
-- up
delete from t where id > 4;
-- down
select 1;

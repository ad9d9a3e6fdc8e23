-- base
create table t(id int primary key, v text, touched timestamptz default '2020-01-01');
create function f() returns trigger language plpgsql as $$ begin new.touched := now(); return new; end $$;
create trigger a before insert or update on t for each row execute function f(); alter table t disable trigger a; insert into t(id, v) values (1, 'a'), (2, 'b'); alter table t enable trigger a;
-- up
drop table t;
-- down
create table t(id int primary key, v text, touched timestamptz default '2020-01-01');
create trigger a before insert or update on t for each row execute function f();

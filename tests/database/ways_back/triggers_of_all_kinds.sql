-- base
create table t(id int primary key, v text, n int default 0); create table log(x text);
create function f() returns trigger language plpgsql as $$ begin insert into log values (tg_op || tg_name); if tg_op = 'DELETE' then return old; end if; new.n := new.n + 1; return new; end $$;
create function g() returns trigger language plpgsql as $$ begin insert into log values (tg_op || tg_name); return null; end $$;
create trigger a before insert or update on t for each row execute function f();
create trigger b after insert or update on t for each row execute function g();
create trigger c after insert or update or delete on t for each statement execute function g();
create constraint trigger d after insert or update on t deferrable initially deferred for each row execute function g();
create trigger e before update on t for each row execute function f(); alter table t enable always trigger e;
create trigger r before update on t for each row execute function f(); alter table t enable replica trigger r;
create trigger z before update on t for each row execute function f(); alter table t disable trigger z;
insert into t(id, v) values (1, 'a'), (2, 'b'), (3, 'c'); truncate log;
-- up
alter table t drop column v; alter table t disable trigger all; delete from t where id = 2; alter table t enable trigger all; alter table t enable always trigger e; alter table t enable replica trigger r; alter table t disable trigger z;
-- down
alter table t add column v text;

-- base
create table t(id int primary key, v text); create table log(x text); create function g() returns trigger language plpgsql as $$ begin insert into log values (tg_op); return null; end $$;
create constraint trigger d after insert or update on t deferrable initially deferred for each row execute function g(); insert into t values (1, 'a');
-- up
update t set v = 'b';
-- down
delete from log where x = 'UPDATE';

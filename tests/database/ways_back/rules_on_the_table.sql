-- base
create table t(id int primary key, a text); create table u(id int, a text); insert into t select n, 'v' || n from generate_series(1, 6) n; create rule r as on insert to t do instead insert into u values (new.id, new.a); create rule s as on update to t do also insert into u values (old.id, old.a);
-- up
alter table t disable rule s; delete from t where id > 4; update t set a = 'x' where id = 1; alter table t enable rule s;
-- down
select 1;

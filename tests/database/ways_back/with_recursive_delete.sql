-- base
create table t(id int primary key, up int); insert into t values (1, null), (2, 1), (3, 2), (4, null);
-- up
with recursive x as (select id from t where id = 1 union select t.id from t join x on t.up = x.id) delete from t where id in (select id from x);
-- down
select 1;

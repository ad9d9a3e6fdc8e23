-- base
create table t(id int primary key, r int references t on delete set null); insert into t values (1, null), (2, null), (3, 2); update t set r = 2 where id = 1;
-- up
delete from t where id = 2;
-- down
select 1;

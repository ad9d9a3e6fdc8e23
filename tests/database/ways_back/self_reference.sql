-- base
create table t(id int primary key, up int references t on delete cascade); insert into t values (1, null), (2, 1), (3, 2), (4, 3), (5, null);
-- up
delete from t where id = 2;
-- down
select 1;

-- base
create table t(id int primary key, v text); insert into t values (1, 'a'); create view w as select * from t; create rule r as on insert to w do instead insert into t values (new.id, new.v);
-- up
drop table t cascade;
-- down
create table t(id int primary key, v text); create view w as select * from t; create rule r as on insert to w do instead insert into t values (new.id, new.v);

-- base
create table t(id int, v text); alter table t replica identity nothing; create publication p for table t with (publish = 'insert'); insert into t values (1, 'a'), (1, 'a');
-- up
delete from t; drop table t;
-- down
create table t(id int, v text); alter table t replica identity nothing; alter publication p add table t;

-- base
create table t(id int generated always as identity primary key, v text); insert into t(v) values ('a'), ('b'), ('c');
-- up
delete from t; drop table t;
-- down
create table t(id int generated always as identity primary key, v text);

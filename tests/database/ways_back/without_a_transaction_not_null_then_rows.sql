-- base
create table t(id int primary key, v text not null); insert into t values (1, 'a'), (2, 'b'), (3, 'c'); create index i on t(v);
-- up
drop index concurrently i; alter table t drop column v; delete from t where id = 3;
-- down
alter table t add column v text; alter table t alter v set not null; create index concurrently i on t(v);

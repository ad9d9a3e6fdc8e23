-- base
create table t(id int primary key, v text); insert into t values (1, 'a'), (2, 'b'); create view w as select id, v from t; create materialized view m as select v, count(*) from t group by v; create unique index on m(v); create view ww as select v from w;
-- up
alter table t drop column v cascade;
-- down
alter table t add column v text; create view w as select id, v from t; create materialized view m as select v, count(*) from t group by v; create unique index on m(v); create view ww as select v from w;

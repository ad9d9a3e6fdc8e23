-- base
create sequence s increment by 5 start 50; create table t(id int primary key, a int default nextval('s')); alter sequence s owned by t.a; insert into t(id) select generate_series(1, 5);
-- up
alter table t drop column a;
-- down
create sequence s increment by 5 start 50; alter table t add column a int default nextval('s'); alter sequence s owned by t.a;

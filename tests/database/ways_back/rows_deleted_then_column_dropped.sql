-- base
create table t(id int primary key, v text not null); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
delete from t where id > 4;
-- down
select 1;
-- up
alter table t drop column v;
-- down
alter table t add column v text; alter table t alter v set default '';
-- differs
gone catalog
new catalog

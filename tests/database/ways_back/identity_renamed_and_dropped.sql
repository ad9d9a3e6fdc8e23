-- base
create table t(id int generated always as identity primary key, a text); insert into t(a) select 'v' || n from generate_series(1, 6) n; delete from t where id = 6;
-- up
alter table t rename to u; alter table u rename id to key; drop table u;
-- down
create table t(id int generated always as identity primary key, a text);

-- base
create schema shop; create table shop.t(id int primary key, v text); create table t(id int primary key, v text); insert into shop.t values (1, 's'); insert into t values (1, 'p');
-- up
select set_config('search_path', 'shop', true); alter table t drop column v;
-- down
select set_config('search_path', 'shop', true); alter table t add column v text;

-- base
create schema shop; create schema attic; create table shop.t(id int primary key, v text); create table attic.t(id int primary key, v text); create table t(id int primary key, v text);
insert into shop.t values (1, 's'); insert into attic.t values (1, 'a'); insert into t values (1, 'p');
-- up
alter table shop.t drop column v; set search_path to attic, public; alter table t drop column v; set search_path to shop; delete from t;
-- down
alter table shop.t add column v text; set local search_path to attic; alter table t add column v text;

-- base
create schema attic; create schema shop; create table shop.t(id int primary key, a text); insert into shop.t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table shop.t set schema attic; alter table attic.t drop column a; alter table attic.t rename to u; drop table attic.u;
-- down
create table shop.t(id int primary key); alter table shop.t add column a text;

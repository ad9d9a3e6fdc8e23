-- base
create schema shop; create table shop.t(id int primary key, a text); insert into shop.t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table shop.t drop column a; alter schema shop rename to store; drop table store.t;
-- down
create table store.t(id int primary key); alter schema store rename to shop; alter table shop.t add column a text;

-- base
create schema attic; create table t(id int primary key, a text); insert into t select n, 'v' || n from generate_series(1, 6) n;
-- up
alter table t set schema attic; drop table attic.t;
-- down
create table t(id int primary key, a text);

-- base
create schema shop; create type shop.mood as enum ('a', 'b'); create domain shop.many as shop.mood[]; create table keep(id int primary key, m shop.mood, n shop.many, o shop.mood[]); insert into keep values (1, 'b', '{a}', '{b}'), (2, null, null, null);
-- up
drop schema if exists shop cascade;
-- down
create schema shop; create type shop.mood as enum ('a', 'b'); create domain shop.many as shop.mood[]; alter table keep add m shop.mood, add n shop.many, add o shop.mood[];

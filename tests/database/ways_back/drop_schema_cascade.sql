-- base
create schema shop; create table shop.p(id int generated always as identity primary key, v text); create table shop.c(id int primary key, p int references shop.p); create type shop.mood as enum ('a', 'b'); create table keep(id int primary key, m shop.mood, p int references shop.p); create view shop.w as select 1 as x;
insert into shop.p(v) values ('a'), ('b'); insert into shop.c values (1, 1); insert into keep values (1, 'b', 2);
-- up
drop schema shop cascade;
-- down
create schema shop; create table shop.p(id int generated always as identity primary key, v text); create table shop.c(id int primary key, p int references shop.p); create type shop.mood as enum ('a', 'b'); alter table keep add m shop.mood; alter table keep add constraint keep_p_fkey foreign key (p) references shop.p; create view shop.w as select 1 as x;

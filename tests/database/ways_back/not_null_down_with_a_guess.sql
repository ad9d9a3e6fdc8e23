-- base
create table users(id int primary key, name text not null); insert into users select n, 'First' || n || ' Last' || n from generate_series(1, 6) n;
-- up
alter table users drop column name;
-- down
alter table users add column name text; update users set name = id::text; alter table users alter name set not null; create unique index users_name on users(name); drop index users_name;

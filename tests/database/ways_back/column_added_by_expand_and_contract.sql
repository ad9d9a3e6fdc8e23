-- base
create table users(id int primary key, name text not null); insert into users select n, 'First' || n || ' Last' || n from generate_series(1, 6) n;
-- up
alter table users add column first text, add column last text; update users set first = split_part(name, ' ', 1), last = split_part(name, ' ', 2); alter table users alter first set not null, alter last set not null; alter table users drop column name;
-- down
alter table users add column name text; update users set name = 'guessed'; alter table users alter name set not null; alter table users drop column first, drop column last;

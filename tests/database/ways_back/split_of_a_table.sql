-- base
create table users(id int generated always as identity primary key, name text not null, street text, city text); insert into users(name, street, city) select 'n' || n, 's' || n, 'c' || n from generate_series(1, 6) n;
-- up
create table addresses(user_id int primary key references users, street text, city text); insert into addresses select id, street, city from users; alter table users drop column street, drop column city;
-- down
alter table users add column street text, add column city text; update users u set street = a.street, city = 'x' from addresses a where a.user_id = u.id; drop table addresses;

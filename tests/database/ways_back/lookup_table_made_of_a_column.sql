-- base
create table orders(id int primary key, status text not null); insert into orders select n, (array['new', 'paid', 'sent'])[n % 3 + 1] from generate_series(1, 12) n;
-- up
create table statuses(id int generated always as identity primary key, name text unique); insert into statuses(name) select distinct status from orders order by 1; alter table orders add status_id int references statuses; update orders o set status_id = s.id from statuses s where s.name = o.status; alter table orders alter status_id set not null; alter table orders drop column status;
-- down
alter table orders add column status text; update orders o set status = s.name from statuses s where s.id = o.status_id; alter table orders alter status set not null; alter table orders drop column status_id; drop table statuses;

-- base
create table t(id int primary key, price numeric, qty int, total numeric generated always as (price * qty) stored);
insert into t(id, price, qty) select n, n * 1.5, n from generate_series(1, 20) n;
-- up
alter table t drop column total, drop column price;
-- down
alter table t add column price numeric; alter table t add column total numeric generated always as (price * qty) stored;

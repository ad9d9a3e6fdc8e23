-- Description: who brought whom, and orders by price
alter table customers add column referred_by bigint;
alter table customers add constraint customers_referred_by foreign key (referred_by) references customers (id);
create index orders_by_price on orders (cents);

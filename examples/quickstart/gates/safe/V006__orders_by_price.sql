-- Description: orders by price
create index concurrently orders_by_price on orders (cents);

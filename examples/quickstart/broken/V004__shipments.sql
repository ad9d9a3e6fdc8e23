-- Description: shipments, with a typing error
-- Type: schema
create table shipments (
    id       bigint generated always as identity primary key,
    order_id bigint not null references orders,
    sent_at  timestamptz
);
alter table orders add column shipped boolean not null default false;
update orders set shipped = true where placed_on < now() - interval '30 days';

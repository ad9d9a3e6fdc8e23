-- Description: shipments, with a typing error in the last of three statements
-- Type: schema
create table shipments (
    id       bigint generated always as identity primary key,
    order_id bigint not null references orders,
    sent_at  timestamptz
);
alter table orders add column shipped boolean not null default false;
create index shipments_by_order on shipments (order_idd, sent_at);

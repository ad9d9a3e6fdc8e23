-- Description: who brought whom
alter table customers add column referred_by bigint;
alter table customers add constraint customers_referred_by foreign key (referred_by) references customers (id) not valid;

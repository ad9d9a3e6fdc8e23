alter table orders drop column shipped;
drop table shipments;

alter table customers drop column referred_by;

-- Description: no customer was brought by one who is not there
alter table customers validate constraint customers_referred_by;

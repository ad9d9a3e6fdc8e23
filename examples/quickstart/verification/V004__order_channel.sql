-- Description: where each order came from
-- Type: schema
alter table orders add column channel text not null default 'web';
-- From now on the application has to say it. It does not know that yet.
alter table orders alter column channel drop default;

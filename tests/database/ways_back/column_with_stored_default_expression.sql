-- base
create sequence s; create table t(id int primary key, a int default nextval('s'), at timestamptz default now()); insert into t(id) select generate_series(1, 5);
-- up
alter table t drop column a, drop column at;
-- down
alter table t add column a int default nextval('s'), add column at timestamptz default now();
-- differs
gone public.s
new public.s

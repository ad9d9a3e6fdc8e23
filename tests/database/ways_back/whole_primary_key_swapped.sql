-- base
create table t(id int primary key, v text not null); insert into t select n, 'v' || n from generate_series(1, 9) n;
-- up
alter table t drop column id; alter table t add column id uuid default gen_random_uuid(); alter table t add primary key (id);
-- down
alter table t drop column id; alter table t add column id int; alter table t alter column v set not null;
-- differs
gone catalog
new catalog

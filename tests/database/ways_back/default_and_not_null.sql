-- base
create table t(id int primary key, v text not null default 'x', w int not null default 7 check (w > 0));
insert into t values (1, 'a', 1), (2, 'b', 2), (3, 'x', 7);
-- up
alter table t drop column v, drop column w;
-- down
alter table t add column v text not null default 'x', add column w int not null default 7 check (w > 0);

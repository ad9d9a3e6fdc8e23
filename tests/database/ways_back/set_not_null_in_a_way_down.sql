-- base
create table t(id int primary key, v text not null, w int not null unique, p int not null); create table u(id int primary key); insert into u values (1), (2); insert into t values (1, 'a', 1, 1), (2, 'b', 2, 2); alter table t add constraint t_p_fkey foreign key (p) references u;
-- up
alter table t drop column v, drop column w; alter table t drop column p;
-- down
alter table t add column v text; alter table t alter column v set not null; alter table t add w int; alter table t alter w set not null, add constraint t_w_key unique (w); alter table t add column p int; alter table t alter p set not null; alter table t add constraint t_p_fkey foreign key (p) references u;

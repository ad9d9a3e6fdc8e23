-- base
create table t(id int primary key, v text not null, n int); insert into t select n, 'v' || n, n from generate_series(1, 6) n;
create table p(id int primary key); create table c(id int primary key, p int references p); insert into p values (1), (2); insert into c values (1, 1), (2, 2);
-- up
-- sluice:no-transaction
begin isolation level serializable;
set transaction read write;
update t set n = -n where id < 3;
alter table t drop column v;
commit;
begin;
delete from t;
rollback;
truncate p, c;
drop table c; drop table p;
-- down
-- sluice:no-transaction
begin;
alter table t add column v text;
commit;
update t set v = 'a guess' where v is null;
alter table t alter v set not null;
create table c(id int primary key, p int);
create table p(id int primary key);
alter table c add foreign key (p) references p;

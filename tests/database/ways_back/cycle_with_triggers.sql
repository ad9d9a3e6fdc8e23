-- base
create table log(x text); create table a(id int primary key, b int); create table b(id int primary key, a int references a deferrable initially deferred); alter table a add foreign key (b) references b;
insert into a values (1, null), (2, null); insert into b values (1, 1), (2, 2); update a set b = id;
create function g() returns trigger language plpgsql as $$ begin insert into log values (tg_op); return null; end $$; create trigger x after insert or update or delete on a for each row execute function g(); create constraint trigger y after insert on b deferrable initially deferred for each row execute function g();
-- up
drop table a cascade; drop table b;
-- down
create table a(id int primary key, b int); create table b(id int primary key, a int references a deferrable initially deferred); alter table a add foreign key (b) references b;
create trigger x after insert or update or delete on a for each row execute function g(); create constraint trigger y after insert on b deferrable initially deferred for each row execute function g();

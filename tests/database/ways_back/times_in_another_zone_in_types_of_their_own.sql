-- base
create domain moment as timestamptz;
create table t(id int primary key, at moment, v int); insert into t values (1, '2020-01-01 00:00+00', 1), (2, '2021-01-01 00:00+00', 2);
create table k(at moment primary key, v text); insert into k values ('2020-01-01 00:00+00', 'a'), ('2021-01-01 00:00+00', 'b');
-- up
set local timezone = 'Asia/Kolkata'; update t set v = 0; delete from t where id = 2; update k set v = 'x'; alter table k drop column v;
-- down
alter table k add column v text;

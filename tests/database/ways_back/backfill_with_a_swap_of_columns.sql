-- base
create table t(id int primary key, total text); insert into t select n, n || '.50' from generate_series(1, 6) n;
-- up
alter table t add column total_new numeric; update t set total_new = total::numeric; alter table t drop column total; alter table t rename column total_new to total;
-- down
alter table t rename column total to total_new; alter table t add column total text; update t set total = total_new::text; alter table t drop column total_new;

-- base
create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); create table t(k text collate ci primary key, v int, w text collate "C"); insert into t values ('Abc', 1, 'x'), ('abd', 2, 'y');
-- up
delete from t where k = 'ABC'; alter table t drop column w;
-- down
alter table t add column w text collate "C";

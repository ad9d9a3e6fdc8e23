-- base
create table t(id int primary key, a text, b text); insert into t select n, 'a' || n, 'b' from generate_series(1, 6) n;
-- up
ALTER TABLE IF EXISTS ONLY "t" DROP COLUMN IF EXISTS "a" RESTRICT, ALTER COLUMN b SET DATA TYPE varchar(3) USING substr(b, 1, 3);
-- down
alter table t add column a text, alter column b type text;

-- base
create type mood as enum ('ok', 'bad', 'ugly'); create table t(id int primary key, m mood, ms mood[]); insert into t values (1, 'ok', '{ok}'), (2, 'ugly', '{ugly,bad}'), (3, null, null);
-- up
update t set m = 'bad' where m = 'ugly'; update t set ms = array_replace(ms, 'ugly', 'bad');
alter type mood rename to mood_old; create type mood as enum ('ok', 'bad');
alter table t alter m type mood using m::text::mood, alter ms type mood[] using ms::text[]::mood[]; drop type mood_old;
-- down
alter type mood rename to mood_new; create type mood as enum ('ok', 'bad', 'ugly');
alter table t alter m type mood using m::text::mood, alter ms type mood[] using ms::text[]::mood[]; drop type mood_new;

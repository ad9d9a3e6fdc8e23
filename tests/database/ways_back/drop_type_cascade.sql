-- base
create type mood as enum ('a', 'b'); create domain d as mood; create table t(id int primary key, a mood, b mood[], c d); insert into t values (1, 'a', '{b}', 'a'), (2, null, null, null);
-- up
drop type mood cascade;
-- down
create type mood as enum ('a', 'b'); create domain d as mood; alter table t add a mood, add b mood[], add c d;

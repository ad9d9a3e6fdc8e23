-- base
create table t(id int primary key, a numeric(12, 4), b text, c timestamptz, d float8, e varchar(40), f bigint, g jsonb); insert into t select n, n + 0.1234, 'text ' || n, '2020-01-01'::timestamptz + n * interval '1 h', n / 3.0, repeat('e', n), n, jsonb_build_object('b', n, 'a', 1) from generate_series(1, 9) n;
-- up
alter table t alter a type int using a::int, alter b type varchar(5) using left(b, 5), alter c type date, alter d type real; alter table t alter e type char(4) using left(e, 4), alter f type int, alter g type text using '-';
-- down
alter table t alter a type numeric(12, 4), alter b type text, alter c type timestamptz, alter d type float8, alter e type varchar(40), alter f type bigint, alter g type jsonb using '{}';

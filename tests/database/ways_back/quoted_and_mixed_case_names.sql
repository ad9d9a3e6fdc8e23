-- base
create schema "Odd Shop"; create table "Odd Shop"."Or""ders $1"("Id" int primary key, "select" text, "a.b" int, "ünï" text);
insert into "Odd Shop"."Or""ders $1" select n, 's' || n, n, 'ü' from generate_series(1, 5) n;
-- up
alter table "Odd Shop"."Or""ders $1" drop column "select", drop "a.b"; delete from "Odd Shop"."Or""ders $1" where "Id" = 3; update "Odd Shop"."Or""ders $1" set "ünï" = 'x' where "Id" = 4;
-- down
alter table "Odd Shop"."Or""ders $1" add column "select" text, add "a.b" int;

-- Lets a function run as a superuser
-- Lint: set-role
-- Server: 42501
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SET role = 'dba' AS 'SELECT 1';
SELECT app.f();

-- Lets a routine run for another session
-- Lint: set-role
-- Server: 42501
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER ROUTINE app.f() SET session_authorization TO dba;
SELECT app.f();

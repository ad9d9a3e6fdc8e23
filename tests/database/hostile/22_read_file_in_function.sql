-- Hides it in a function
-- Lint: server-file-function
-- Server: 42501
CREATE FUNCTION app.f() RETURNS text LANGUAGE sql AS 'SELECT pg_read_file(''/etc/passwd'')';
SELECT app.f();

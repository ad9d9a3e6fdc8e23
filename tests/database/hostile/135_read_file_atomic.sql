-- Reads a file in a body that is no string
-- Lint: server-file-function
-- Server: 42501
CREATE FUNCTION app.f() RETURNS text BEGIN ATOMIC SELECT pg_read_file('/etc/passwd'); END;
SELECT app.f();

-- Runs Python as the server's user
-- Lint: untrusted-language
-- Server: 42704
CREATE FUNCTION app.f() RETURNS text LANGUAGE 'plpython3u' AS 'import os; return os.getcwd()';

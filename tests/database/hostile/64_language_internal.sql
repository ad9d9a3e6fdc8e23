-- Calls a function of the server past its checks
-- Lint: untrusted-language
-- Server: 42501
CREATE FUNCTION app.f(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all';

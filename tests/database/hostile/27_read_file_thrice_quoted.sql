-- Hides it in quotes in quotes in quotes
-- Lint: server-file-function
-- Server: 42501
DO $a$ BEGIN EXECUTE $b$ DO $c$ BEGIN PERFORM pg_read_file('/etc/passwd'); END $c$ $b$; END $a$;

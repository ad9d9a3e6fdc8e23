-- Hides it in a prepared statement
-- Lint: server-file-function
-- Server: 42501
PREPARE p AS SELECT pg_read_file('/etc/passwd');
EXECUTE p;

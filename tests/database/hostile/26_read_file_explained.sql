-- Hides it in EXPLAIN
-- Lint: server-file-function
-- Server: 42501
EXPLAIN (ANALYZE) SELECT pg_read_file('/etc/passwd');

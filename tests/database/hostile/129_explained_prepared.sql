-- Runs what was prepared by explaining it
-- Lint: opaque-statement server-file-function
-- Server: 42501
PREPARE p AS SELECT pg_read_file($1);
EXPLAIN ANALYZE EXECUTE p('/etc/passwd');

-- Switches the write-ahead log
-- Lint: administration-function
-- Server: 42501
SELECT pg_switch_wal();

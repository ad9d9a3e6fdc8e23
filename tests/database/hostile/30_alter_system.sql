-- Changes the server's configuration
-- Lint: alter-system
-- Server: 42501
ALTER SYSTEM SET work_mem = '1GB';

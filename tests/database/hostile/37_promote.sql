-- Makes a standby a primary
-- Lint: administration-function
-- Server: 42501
SELECT pg_promote();

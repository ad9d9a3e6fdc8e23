-- Loads the configuration anew
-- Lint: administration-function
-- Server: 42501
SELECT pg_reload_conf();

-- Ends the sessions of others
-- Lint: administration-function
-- Server: 42501
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user;

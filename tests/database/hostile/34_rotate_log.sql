-- Moves the server's log
-- Lint: administration-function
-- Server: 42501
SELECT pg_rotate_logfile();

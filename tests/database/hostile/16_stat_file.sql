-- Asks for a file of the server
-- Lint: server-file-function
-- Server: 42501
SELECT pg_stat_file('/etc/shadow');

-- Reads a file of the server
-- Lint: server-file-function
-- Server: 42501
SELECT pg_read_file('/etc/passwd');

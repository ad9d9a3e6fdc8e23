-- Reads a file of the server
-- Lint: server-file-function
-- Server: 42501
SELECT pg_read_binary_file('pg_hba.conf');

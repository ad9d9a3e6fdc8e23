-- Writes a file of the server in a list of tables
-- Lint: server-file-function
-- Server: 42501
SELECT * FROM lo_export(1, '/tmp/hostile') AS written;

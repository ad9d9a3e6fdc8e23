-- Reads a file into a large object
-- Lint: server-file-function
-- Server: 42501
SELECT lo_import('/etc/passwd');

-- Writes a large object to a file
-- Lint: server-file-function
-- Server: 42501
SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/hostile');

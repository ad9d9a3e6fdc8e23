-- Lets the text search run the query
-- Lint: server-file-function
-- Server: 42501
SELECT * FROM ts_stat('SELECT pg_read_file(''/etc/passwd'')::tsvector');

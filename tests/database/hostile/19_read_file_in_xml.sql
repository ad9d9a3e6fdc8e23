-- Lets another function run the query
-- Lint: server-file-function
-- Server: 42501
SELECT query_to_xml('SELECT pg_read_file(''/etc/passwd'')', true, true, '');

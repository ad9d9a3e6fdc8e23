-- Makes an aggregate of a function that reads files
-- Lint: server-file-function
-- Server: 42501
CREATE AGGREGATE app.files(bigint, bigint) (SFUNC = pg_read_file, STYPE = text, INITCOND = '/etc/passwd');
SELECT app.files(0, 100);

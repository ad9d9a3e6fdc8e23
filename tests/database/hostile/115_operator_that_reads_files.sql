-- Makes an operator of a function that reads files
-- Lint: server-file-function
-- Server: 42501
CREATE OPERATOR app.@@@ (RIGHTARG = text, FUNCTION = pg_catalog.pg_read_file);
SELECT OPERATOR(app.@@@) '/etc/passwd'::text;

-- Reads a file for the default of a domain
-- Lint: server-file-function
-- Server: 42501
CREATE DOMAIN app.d AS text DEFAULT pg_read_file('/etc/passwd');
CREATE TABLE app.t (a int, d app.d);
INSERT INTO app.t (a) VALUES (1);

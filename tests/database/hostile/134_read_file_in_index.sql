-- Reads a file for an index
-- Lint: server-file-function
-- Server: 42P17
CREATE TABLE app.t (a text);
INSERT INTO app.t VALUES ('/etc/passwd');
CREATE INDEX i ON app.t ((pg_read_file(a)));

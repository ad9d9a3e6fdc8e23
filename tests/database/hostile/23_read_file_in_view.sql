-- Hides it in a view
-- Lint: server-file-function
-- Server: 42501
CREATE VIEW app.v AS SELECT pg_read_file('/etc/passwd');
SELECT * FROM app.v;

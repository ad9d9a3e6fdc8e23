-- Hides it in a default
-- Lint: server-file-function
-- Server: 42501
CREATE TABLE app.t (id int, x text DEFAULT pg_read_file('/etc/passwd'));
INSERT INTO app.t (id) VALUES (1);

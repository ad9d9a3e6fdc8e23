-- Reads a file where a partition begins
-- Lint: server-file-function
-- Server: 42501
CREATE TABLE app.t (a text) PARTITION BY LIST (a);
CREATE TABLE app.p PARTITION OF app.t FOR VALUES IN (pg_read_file('/etc/passwd'));

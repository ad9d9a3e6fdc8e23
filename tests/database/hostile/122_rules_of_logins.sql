-- Reads the file that says who may log in, as a view
-- Lint: server-file-function
-- Server: 42501
CREATE TABLE app.logins AS SELECT * FROM pg_hba_file_rules;

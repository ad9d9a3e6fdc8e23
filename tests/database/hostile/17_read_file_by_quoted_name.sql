-- Hides the function behind a quoted name
-- Lint: server-file-function
-- Server: 42501
SELECT "pg_catalog" . "pg_read_file" ( '/etc/passwd' );

-- Lists a folder of the server
-- Lint: server-file-function
-- Server: 42501
SELECT pg_ls_dir('.');

-- Joins those who may read files, and lets others
-- Lint: grant-beyond-need
-- Server: 42501
GRANT pg_read_server_files TO tenant WITH ADMIN OPTION;

-- Joins those who may run programs
-- Lint: grant-beyond-need
-- Server: 42501
GRANT pg_execute_server_program TO tenant;

-- Gives away what reaches files and other servers
-- Lint: grant-beyond-need
-- Server: 42704
GRANT USAGE ON FOREIGN DATA WRAPPER file_fdw TO tenant;

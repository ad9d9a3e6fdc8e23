-- Creates a schema and grants in one statement
-- Lint: grant-beyond-need
-- Server: 42501
CREATE SCHEMA hostile CREATE TABLE t (id int) GRANT ALL ON t TO PUBLIC;

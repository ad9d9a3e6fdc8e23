-- Writes the statement in unicode escapes
-- Lint: dynamic-sql
-- Server: 42501
DO $$ BEGIN EXECUTE U&'\0043OPY (SELECT 1) TO PROGRAM ''id'''; END $$;

-- Writes the statement in escapes
-- Lint: dynamic-sql
-- Server: 42501
DO $$ BEGIN EXECUTE E'\x43OPY (SELECT 1) TO PROGRAM \'id\''; END $$;

-- Joins a superuser in a block
-- Lint: grant-beyond-need
-- Server: 42501
DO $$ BEGIN IF true THEN GRANT dba TO tenant; END IF; END $$;

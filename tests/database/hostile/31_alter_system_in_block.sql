-- Changes the server's configuration in a block
-- Lint: alter-system
-- Server: 25001
DO $$ BEGIN EXECUTE 'ALTER SYSTEM SET archive_command = ''id'''; END $$;

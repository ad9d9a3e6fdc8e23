-- Changes the settings of the database
-- Lint: server-wide-object
-- Server: 42501
DO $$ BEGIN EXECUTE 'ALTER DATABASE postgres SET work_mem = ''1GB'''; END $$;
ALTER DATABASE postgres OWNER TO tenant;

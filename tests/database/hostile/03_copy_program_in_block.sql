-- Hides the program in a quoted statement of a block
-- Lint: copy-program
-- Server: 42501
DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''id'''; END $$;

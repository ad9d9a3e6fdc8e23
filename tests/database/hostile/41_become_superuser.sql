-- Makes itself a superuser
-- Lint: role-change
-- Server: 42501
ALTER ROLE CURRENT_USER SUPERUSER;

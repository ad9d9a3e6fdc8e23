-- Sets the role of the session as a setting
-- Lint: set-role
-- Server: 42501
SET session_authorization TO 'dba';

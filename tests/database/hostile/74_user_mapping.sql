-- Writes down a password for another server
-- Lint: credentials remote-access
-- Server: 42704
CREATE USER MAPPING FOR tenant SERVER hostile OPTIONS (user 'x', password 'hunter2');

-- Sends rows to another server
-- Lint: remote-access
-- Server: 42883
SELECT dblink_exec('host=10.0.0.1', 'INSERT INTO loot VALUES (1)');

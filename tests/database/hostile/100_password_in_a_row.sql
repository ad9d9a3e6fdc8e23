-- Keeps a password in version control
-- Lint: credentials
-- Server: harmless: the row is in its own schema
CREATE TABLE app.settings (name text, value text);
INSERT INTO app.settings VALUES ('queue', 'amqp://app:hunter2@queue.internal/orders');

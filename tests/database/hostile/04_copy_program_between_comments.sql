-- Hides the program between comments
-- Lint: copy-program
-- Server: 42501
CREATE TABLE app.loot (line text);
COPY/* all */app.loot/* of */FROM -- it
PROGRAM 'id';

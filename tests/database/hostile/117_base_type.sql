-- Makes a type whose values code of the server tells
-- Lint: server-wide-object
-- Server: 42501
CREATE TYPE app.evil (INPUT = textin, OUTPUT = textout);

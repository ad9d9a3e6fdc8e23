-- Changes what a type of the server means
-- Lint: server-wide-object
-- Server: 42501
CREATE CAST (integer AS date) WITHOUT FUNCTION;

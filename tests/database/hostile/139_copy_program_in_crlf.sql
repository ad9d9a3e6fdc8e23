-- Hides the program behind other line ends and comments in comments
-- Lint: copy-program
-- Server: 42501
CREATE TABLE app.t (a text);
/* a /* b */ COPY */ COPY app.t FROM
/* c */ PROGRAM
'id';

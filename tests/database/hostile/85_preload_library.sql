-- Lets sessions load a library
-- Lint: dangerous-setting
-- Server: harmless: it is read when a session begins, and the library would have to be in the server's own folder for plugins
SET local_preload_libraries = 'hostile';

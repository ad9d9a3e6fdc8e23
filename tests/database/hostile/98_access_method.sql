-- Makes a way to store tables
-- Lint: server-wide-object
-- Server: 42501
CREATE ACCESS METHOD hostile TYPE TABLE HANDLER heap_tableam_handler;

-- Retention: what a record still has waiting must be found by the record.

-- That of the sandbox becomes one of all: ids of records grow with time, so its entries are appended.
DROP INDEX messages_of_sandbox;
CREATE INDEX messages_of_record ON messages (record_id);

-- The MAC of a row: the master key's number, then HMAC-SHA-256 over the table's name and every other column. NULL in a row of
-- an earlier release, until the service opens the database for the first time, and in the row of a removed device.
ALTER TABLE accounts ADD COLUMN mac BLOB;
ALTER TABLE devices ADD COLUMN mac BLOB;
ALTER TABLE codes ADD COLUMN mac BLOB;
ALTER TABLE refresh_tokens ADD COLUMN mac BLOB;
ALTER TABLE passwords ADD COLUMN mac BLOB;
ALTER TABLE challenges ADD COLUMN mac BLOB;
ALTER TABLE service_keys ADD COLUMN mac BLOB;

-- How often a row was written.
ALTER TABLE accounts ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE codes ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE refresh_tokens ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

-- The audit trail: who acted, from where, how often, and what a writer of the database cannot forge.
ALTER TABLE audit ADD COLUMN actor TEXT;
ALTER TABLE audit ADD COLUMN address TEXT;
ALTER TABLE audit ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN mac BLOB;

CREATE TABLE audit_seals (
    number   INTEGER PRIMARY KEY NOT NULL,
    first_id INTEGER NOT NULL,
    last_id  INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    previous BLOB NOT NULL,
    mac      BLOB NOT NULL
) STRICT;

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

-- The keyed hash of the ticket that a request for a code was answered with.
ALTER TABLE codes ADD COLUMN ticket BLOB;
CREATE INDEX codes_by_ticket ON codes (ticket) WHERE ticket IS NOT NULL;

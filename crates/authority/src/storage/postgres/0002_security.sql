-- The MAC of a row: the master key's number, then HMAC-SHA-256 over the table's name and every other column. NULL in a row of
-- an earlier release, until the service opens the database for the first time, and in the row of a removed device.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS mac BYTEA;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS mac BYTEA;
ALTER TABLE codes ADD COLUMN IF NOT EXISTS mac BYTEA;
ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS mac BYTEA;
ALTER TABLE passwords ADD COLUMN IF NOT EXISTS mac BYTEA;
ALTER TABLE challenges ADD COLUMN IF NOT EXISTS mac BYTEA;
ALTER TABLE service_keys ADD COLUMN IF NOT EXISTS mac BYTEA;

-- How often a row was written.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE codes ADD COLUMN IF NOT EXISTS version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS version BIGINT NOT NULL DEFAULT 0;

-- The keyed hash of the ticket that a request for a code was answered with.
ALTER TABLE codes ADD COLUMN IF NOT EXISTS ticket BYTEA;
CREATE INDEX IF NOT EXISTS codes_by_ticket ON codes (ticket);

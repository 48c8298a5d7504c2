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

-- Wrong PINs: in the life of this PIN, and of the account. How often the PIN was set. Keyed hashes of earlier PINs.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS pin_wrong BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS wrong_pins BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS pin_generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS pin_history BYTEA;

-- A device: its own wrong PINs, what its owner was told of others, when it last proved its PIN, and what shows a second copy.
ALTER TABLE devices ADD COLUMN IF NOT EXISTS pin_tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS wrong_pins_told BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS proved_at BIGINT;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS k1_proved BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS next_k0 BYTEA;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS sync_shown BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS suspected_at BIGINT;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS suspended BIGINT NOT NULL DEFAULT 0;

-- Wrong PINs that were entered with a code.
ALTER TABLE codes ADD COLUMN IF NOT EXISTS pin_tries BIGINT NOT NULL DEFAULT 0;

-- What a family of refresh tokens came from; NULL in those of an earlier release.
ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS family_made_at BIGINT;
ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS device TEXT;
ALTER TABLE refresh_tokens ADD COLUMN IF NOT EXISTS pin_generation BIGINT;

-- An earlier release counted no wrong PINs by device, so no right PIN could forgive those that it counted: they are forgiven now.
UPDATE accounts SET pin_tries = 0 WHERE blocked = 0 AND pin_tries > 0;

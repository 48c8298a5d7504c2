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

-- When the phone number replaced another, and the language of the account's app.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS phone_changed_at BIGINT;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS language TEXT;

-- SMS of all accounts together, by period, calling code and class of number. The count is the sum over the shards.
CREATE TABLE IF NOT EXISTS sms_counts (
    period   TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    prefix   TEXT NOT NULL,
    class    TEXT NOT NULL,
    shard    BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    PRIMARY KEY (period, began_at, prefix, class, shard)
);

-- Events that an account was told of.
CREATE TABLE IF NOT EXISTS notices (
    account TEXT NOT NULL REFERENCES accounts (name),
    kind    TEXT NOT NULL,
    at      BIGINT NOT NULL,
    id      TEXT NOT NULL,
    PRIMARY KEY (account, kind, at, id)
);

-- The audit trail: who acted, from where, how often, and what a writer of the database cannot forge.
ALTER TABLE audit ADD COLUMN IF NOT EXISTS actor TEXT;
ALTER TABLE audit ADD COLUMN IF NOT EXISTS address TEXT;
ALTER TABLE audit ADD COLUMN IF NOT EXISTS count BIGINT NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN IF NOT EXISTS mac BYTEA;

CREATE TABLE IF NOT EXISTS audit_seals (
    number   BIGINT PRIMARY KEY,
    first_id BIGINT NOT NULL,
    last_id  BIGINT NOT NULL,
    count    BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    digest   BYTEA NOT NULL,
    previous BYTEA NOT NULL,
    mac      BYTEA NOT NULL
);

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

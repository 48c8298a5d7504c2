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

-- When the phone number replaced another, and the language of the account's app.
ALTER TABLE accounts ADD COLUMN phone_changed_at INTEGER;
ALTER TABLE accounts ADD COLUMN language TEXT;

-- SMS of all accounts together, by period, calling code and class of number. The count is the sum over the shards.
CREATE TABLE sms_counts (
    period   TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    prefix   TEXT NOT NULL,
    class    TEXT NOT NULL,
    shard    INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (period, began_at, prefix, class, shard)
) STRICT, WITHOUT ROWID;

-- Events that an account was told of.
CREATE TABLE notices (
    account TEXT NOT NULL REFERENCES accounts (name),
    kind    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    id      TEXT NOT NULL,
    PRIMARY KEY (account, kind, at, id)
) STRICT, WITHOUT ROWID;

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

-- Wrong PINs: in the life of this PIN, and of the account. How often the PIN was set. Keyed hashes of earlier PINs.
ALTER TABLE accounts ADD COLUMN pin_wrong INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN wrong_pins INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN pin_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN pin_history BLOB;

-- A device: its own wrong PINs, what its owner was told of others, when it last proved its PIN, and what shows a second copy.
ALTER TABLE devices ADD COLUMN pin_tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN wrong_pins_told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN proved_at INTEGER;
ALTER TABLE devices ADD COLUMN k1_proved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN next_k0 BLOB;
ALTER TABLE devices ADD COLUMN sync_shown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN suspected_at INTEGER;
ALTER TABLE devices ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;

-- Wrong PINs that were entered with a code.
ALTER TABLE codes ADD COLUMN pin_tries INTEGER NOT NULL DEFAULT 0;

-- What a family of refresh tokens came from; NULL in those of an earlier release.
ALTER TABLE refresh_tokens ADD COLUMN family_made_at INTEGER;
ALTER TABLE refresh_tokens ADD COLUMN device TEXT;
ALTER TABLE refresh_tokens ADD COLUMN pin_generation INTEGER;

-- An earlier release counted no wrong PINs by device, so no right PIN could forgive those that it counted: they are forgiven now.
UPDATE accounts SET pin_tries = 0 WHERE blocked = 0 AND pin_tries > 0;

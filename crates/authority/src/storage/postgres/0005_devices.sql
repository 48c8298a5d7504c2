-- The place of a device's storage key, by its own statement; NULL if it told none. With a MAC of
-- its own: an older program that still runs reads and writes the row as before.
ALTER TABLE devices ADD COLUMN IF NOT EXISTS keystore TEXT;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS keystore_mac BYTEA;

-- The block of an account that ends by itself: the wrong PIN that began it, by its number in the
-- account's life, its beginning in milliseconds, and its length.
CREATE TABLE IF NOT EXISTS timed_blocks (
    account    TEXT PRIMARY KEY,
    wrong_pins BIGINT NOT NULL,
    began_at   BIGINT NOT NULL,
    seconds    BIGINT NOT NULL,
    mac        BYTEA
);

-- The devices that wait for an approval, by their activation.
CREATE INDEX IF NOT EXISTS devices_unapproved ON devices (created_at ASC)
    WHERE suspended = 3 AND removed_at IS NULL;

-- Events of an account, which its devices may ask for, numbered within it: the device that an event
-- is about with its name then, and the id of the device that caused it; NULL if there is none.
CREATE TABLE IF NOT EXISTS account_events (
    account   TEXT NOT NULL,
    number    BIGINT NOT NULL,
    event     TEXT NOT NULL,
    at        BIGINT NOT NULL,
    device    TEXT,
    name      TEXT,
    by_device TEXT,
    mac       BYTEA,
    PRIMARY KEY (account, number)
);
CREATE INDEX IF NOT EXISTS account_events_by_time ON account_events (at ASC);

-- The number of an account's last event; NULL if it had none. With a MAC of its own.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS last_event BIGINT;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS last_event_mac BYTEA;

-- The place of a device's storage key, by its own statement; NULL if it told none. With a MAC of
-- its own: an older program that still runs reads and writes the row as before.
ALTER TABLE devices ADD COLUMN keystore TEXT;
ALTER TABLE devices ADD COLUMN keystore_mac BLOB;

-- The block of an account that ends by itself: the wrong PIN that began it, by its number in the
-- account's life, its beginning in milliseconds, and its length.
CREATE TABLE timed_blocks (
    account    TEXT PRIMARY KEY NOT NULL,
    wrong_pins INTEGER NOT NULL,
    began_at   INTEGER NOT NULL,
    seconds    INTEGER NOT NULL,
    mac        BLOB
) STRICT, WITHOUT ROWID;

-- The devices that wait for an approval, by their activation.
CREATE INDEX devices_unapproved ON devices (created_at) WHERE suspended = 3 AND removed_at IS NULL;

-- Events of an account, which its devices may ask for, numbered within it: the device that an event
-- is about with its name then, and the id of the device that caused it; NULL if there is none.
CREATE TABLE account_events (
    account   TEXT NOT NULL,
    number    INTEGER NOT NULL,
    event     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    device    TEXT,
    name      TEXT,
    by_device TEXT,
    mac       BLOB,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_events_by_time ON account_events (at);

-- The number of an account's last event; NULL if it had none. With a MAC of its own.
ALTER TABLE accounts ADD COLUMN last_event INTEGER;
ALTER TABLE accounts ADD COLUMN last_event_mac BLOB;

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

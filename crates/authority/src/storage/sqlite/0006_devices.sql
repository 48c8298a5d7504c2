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

-- The block of an account that ends by itself: the wrong PIN that began it, by its number in the
-- account's life, its beginning in milliseconds, and its length.
CREATE TABLE timed_blocks (
    account    TEXT PRIMARY KEY NOT NULL,
    wrong_pins INTEGER NOT NULL,
    began_at   INTEGER NOT NULL,
    seconds    INTEGER NOT NULL,
    mac        BLOB
) STRICT, WITHOUT ROWID;

-- The place of a device's storage key, by its own statement; NULL if it told none. With a MAC of its own: an older program that
-- still runs reads and writes the row as before.
ALTER TABLE devices ADD COLUMN IF NOT EXISTS keystore TEXT;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS keystore_mac BYTEA;

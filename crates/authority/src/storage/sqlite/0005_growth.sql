-- The challenges of a device, one for each mode, with a MAC of their own: a step that makes or uses
-- one updates the device's row. Challenges of the earlier release are dropped: a client asks for
-- another.
ALTER TABLE devices ADD COLUMN challenges TEXT;
ALTER TABLE devices ADD COLUMN challenges_mac BLOB;
DROP TABLE challenges;

-- Every device of an account, the removed ones included: the removal of the account needs it. And
-- the removed ones by their time.
CREATE INDEX devices_by_account ON devices (account);
CREATE INDEX devices_by_removal ON devices (removed_at) WHERE removed_at IS NOT NULL;
DROP INDEX devices_removed;

-- A password that is accepted is removed. No key of another table is checked when one is made: the
-- step that makes it also updates the row of its device.
CREATE TABLE new_passwords (
    account    TEXT NOT NULL,
    hash       BLOB NOT NULL,
    device     TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used       INTEGER NOT NULL,
    key_id     INTEGER NOT NULL,
    mac        BLOB,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;
INSERT INTO new_passwords (account, hash, device, expires_at, used, key_id, mac)
    SELECT account, hash, device, expires_at, used, key_id, mac FROM passwords WHERE used = 0;
DROP TABLE passwords;
ALTER TABLE new_passwords RENAME TO passwords;

-- Expired rows are found by their time.
CREATE INDEX passwords_by_expiry ON passwords (expires_at);
CREATE INDEX codes_by_expiry ON codes (expires_at);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
CREATE INDEX code_requests_by_time ON code_requests (at);
CREATE INDEX notices_by_time ON notices (at);

-- The challenges of a device, one for each mode, with a MAC of their own: a step that makes or uses
-- one updates the device's row. Before, they were rows that came and went in a table that was
-- nearly empty. Challenges of the earlier release are dropped: a client asks for another.
ALTER TABLE devices ADD COLUMN IF NOT EXISTS challenges TEXT;
ALTER TABLE devices ADD COLUMN IF NOT EXISTS challenges_mac BYTEA;
DROP TABLE IF EXISTS challenges;

-- Every device of an account, the removed ones included: the removal of the account needs it. And
-- the removed ones by their time.
CREATE INDEX IF NOT EXISTS devices_by_account ON devices (account);
CREATE INDEX IF NOT EXISTS devices_by_removal ON devices (removed_at ASC) WHERE removed_at IS NOT NULL;
DROP INDEX IF EXISTS devices_removed;

-- A password that is accepted is removed. No key of another table is checked when one is made: the
-- step that makes it also updates the row of its device. Nor when a device is updated twice in a
-- step: the step that adds a device also updates the row of its account.
DELETE FROM passwords WHERE used <> 0;
ALTER TABLE devices DROP CONSTRAINT IF EXISTS devices_account_fkey;
ALTER TABLE passwords DROP CONSTRAINT IF EXISTS passwords_account_fkey;
ALTER TABLE passwords DROP CONSTRAINT IF EXISTS passwords_device_fkey;
DROP INDEX IF EXISTS passwords_of_device;

-- Expired rows are found by their time.
CREATE INDEX IF NOT EXISTS passwords_by_expiry ON passwords (expires_at ASC);
CREATE INDEX IF NOT EXISTS codes_by_expiry ON codes (expires_at ASC);
CREATE INDEX IF NOT EXISTS refresh_tokens_by_expiry ON refresh_tokens (expires_at ASC);
CREATE INDEX IF NOT EXISTS code_requests_by_time ON code_requests (at ASC);
CREATE INDEX IF NOT EXISTS notices_by_time ON notices (at ASC);

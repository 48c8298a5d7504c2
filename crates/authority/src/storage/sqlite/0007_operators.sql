-- The reason that an operator gave; NULL if there was none. The MAC of a row covers it.
ALTER TABLE audit ADD COLUMN reason TEXT;

-- Operators find accounts by their phone number.
CREATE INDEX accounts_by_phone_number ON accounts (phone_number, name) WHERE phone_number IS NOT NULL;

-- The actions of operators that wait for the approval by another operator. The device is NULL
-- unless the action is about one.
CREATE TABLE operator_proposals (
    id      TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL,
    action  TEXT NOT NULL,
    device  TEXT,
    reason  TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    mac     BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX operator_proposals_of_account ON operator_proposals (account, made_at);
CREATE INDEX operator_proposals_by_time ON operator_proposals (made_at);

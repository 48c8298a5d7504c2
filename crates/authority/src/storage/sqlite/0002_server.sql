-- What a server keeps besides: its own secrets, refresh tokens, SMS that wait for their gateway.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY NOT NULL,
    key_id     INTEGER NOT NULL,
    account    TEXT NOT NULL REFERENCES accounts (name),
    family     TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_of_account ON refresh_tokens (account, family);

CREATE TABLE sms_queue (
    id         TEXT PRIMARY KEY NOT NULL,
    account    TEXT NOT NULL REFERENCES accounts (name),
    purpose    TEXT NOT NULL,
    code_hash  BLOB NOT NULL,
    message    BLOB NOT NULL,
    attempts   INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sms_queue_due ON sms_queue (due_at);
CREATE INDEX sms_queue_of_account ON sms_queue (account);

-- Which master key a hash was made with; 0 for those of before.
ALTER TABLE codes ADD COLUMN key_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE passwords ADD COLUMN key_id INTEGER NOT NULL DEFAULT 0;

ALTER TABLE devices ADD COLUMN used_at INTEGER;
CREATE INDEX devices_removed ON devices (account) WHERE removed_at IS NOT NULL;

-- Every row has a name of its own.
CREATE TABLE new_code_requests (
    account TEXT NOT NULL REFERENCES accounts (name),
    at      INTEGER NOT NULL,
    id      TEXT NOT NULL,
    PRIMARY KEY (account, at, id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_code_requests (account, at, id) SELECT account, at, CAST(rowid AS TEXT) FROM code_requests;
DROP TABLE code_requests;
ALTER TABLE new_code_requests RENAME TO code_requests;

DROP INDEX audit_of_account;
CREATE INDEX audit_of_account ON audit (account, id);

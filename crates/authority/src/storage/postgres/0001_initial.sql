-- Times are milliseconds since 1970 in UTC. Columns of the type BYTEA are sealed or hashed. No sequence anywhere: every key is a name, random,
-- or made by the service. A migration can be run again where a database that does not undo definitions stopped in the middle of it.
CREATE TABLE IF NOT EXISTS meta (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE IF NOT EXISTS service_keys (
    name      TEXT PRIMARY KEY,
    primes    BYTEA NOT NULL,
    announced TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS secrets (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE IF NOT EXISTS accounts (
    name         TEXT PRIMARY KEY,
    created_at   BIGINT NOT NULL,
    pin          BYTEA,
    pin_tries    BIGINT NOT NULL,
    blocked      BIGINT NOT NULL,
    phone_number TEXT
);

-- A removed device keeps its id and account alone.
CREATE TABLE IF NOT EXISTS devices (
    id               TEXT PRIMARY KEY,
    account          TEXT NOT NULL REFERENCES accounts (name),
    created_at       BIGINT NOT NULL,
    used_at          BIGINT,
    removed_at       BIGINT,
    serial           TEXT,
    name             TEXT,
    k0               BYTEA,
    k1               BYTEA,
    next_k1          BYTEA,
    secret           BYTEA,
    tsync            BIGINT NOT NULL,
    since_evolution  BIGINT NOT NULL,
    day              BIGINT NOT NULL,
    passwords_of_day BIGINT NOT NULL
);

CREATE UNIQUE INDEX IF NOT EXISTS devices_of_account ON devices (account, serial) WHERE removed_at IS NULL;
CREATE INDEX IF NOT EXISTS devices_removed ON devices (account) WHERE removed_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS challenges (
    device    TEXT NOT NULL REFERENCES devices (id),
    mode      TEXT NOT NULL,
    challenge TEXT NOT NULL,
    made_at   BIGINT NOT NULL,
    PRIMARY KEY (device, mode)
);

CREATE TABLE IF NOT EXISTS codes (
    account      TEXT NOT NULL REFERENCES accounts (name),
    purpose      TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    hash         BYTEA NOT NULL,
    key_id       BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    tries        BIGINT NOT NULL,
    withdrawn    BIGINT NOT NULL,
    setup_at     BIGINT,
    used         BIGINT NOT NULL,
    used_serial  TEXT,
    used_device  TEXT,
    PRIMARY KEY (account, purpose)
);

CREATE INDEX IF NOT EXISTS codes_by_hash ON codes (purpose, hash);

CREATE TABLE IF NOT EXISTS code_requests (
    account TEXT NOT NULL REFERENCES accounts (name),
    at      BIGINT NOT NULL,
    id      TEXT NOT NULL,
    PRIMARY KEY (account, at, id)
);

CREATE TABLE IF NOT EXISTS passwords (
    account    TEXT NOT NULL REFERENCES accounts (name),
    hash       BYTEA NOT NULL,
    key_id     BIGINT NOT NULL,
    device     TEXT NOT NULL REFERENCES devices (id),
    expires_at BIGINT NOT NULL,
    used       BIGINT NOT NULL,
    PRIMARY KEY (account, hash)
);

CREATE INDEX IF NOT EXISTS passwords_of_device ON passwords (device);

CREATE TABLE IF NOT EXISTS refresh_tokens (
    hash       BYTEA PRIMARY KEY,
    key_id     BIGINT NOT NULL,
    account    TEXT NOT NULL REFERENCES accounts (name),
    family     TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used       BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS refresh_tokens_of_account ON refresh_tokens (account, family);

CREATE TABLE IF NOT EXISTS sms_queue (
    id         TEXT PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES accounts (name),
    purpose    TEXT NOT NULL,
    code_hash  BYTEA NOT NULL,
    message    BYTEA NOT NULL,
    attempts   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS sms_queue_due ON sms_queue (due_at);
CREATE INDEX IF NOT EXISTS sms_queue_of_account ON sms_queue (account);

CREATE TABLE IF NOT EXISTS audit (
    id      BIGINT PRIMARY KEY,
    at      BIGINT NOT NULL,
    account TEXT,
    device  TEXT,
    event   TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS audit_of_account ON audit (account, id);

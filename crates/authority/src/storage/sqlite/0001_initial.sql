-- Times are milliseconds since 1970 in UTC. Columns of the type BLOB are sealed or hashed.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE service_keys (
    name      TEXT PRIMARY KEY NOT NULL,
    primes    BLOB NOT NULL,
    announced TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    name         TEXT PRIMARY KEY NOT NULL,
    created_at   INTEGER NOT NULL,
    pin          BLOB,
    pin_tries    INTEGER NOT NULL,
    blocked      INTEGER NOT NULL,
    phone_number TEXT
) STRICT;

-- A removed device keeps its id and account alone.
CREATE TABLE devices (
    id               TEXT PRIMARY KEY NOT NULL,
    account          TEXT NOT NULL REFERENCES accounts (name),
    created_at       INTEGER NOT NULL,
    removed_at       INTEGER,
    serial           TEXT,
    name             TEXT,
    k0               BLOB,
    k1               BLOB,
    next_k1          BLOB,
    secret           BLOB,
    tsync            INTEGER NOT NULL,
    since_evolution  INTEGER NOT NULL,
    day              INTEGER NOT NULL,
    passwords_of_day INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX devices_of_account ON devices (account, serial) WHERE removed_at IS NULL;

CREATE TABLE challenges (
    device    TEXT NOT NULL REFERENCES devices (id),
    mode      TEXT NOT NULL,
    challenge TEXT NOT NULL,
    made_at   INTEGER NOT NULL,
    PRIMARY KEY (device, mode)
) STRICT, WITHOUT ROWID;

CREATE TABLE codes (
    account      TEXT NOT NULL REFERENCES accounts (name),
    purpose      TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    hash         BLOB NOT NULL,
    expires_at   INTEGER NOT NULL,
    tries        INTEGER NOT NULL,
    withdrawn    INTEGER NOT NULL,
    setup_at     INTEGER,
    used         INTEGER NOT NULL,
    used_serial  TEXT,
    used_device  TEXT,
    PRIMARY KEY (account, purpose)
) STRICT, WITHOUT ROWID;

CREATE INDEX codes_by_hash ON codes (purpose, hash);

CREATE TABLE code_requests (
    account TEXT NOT NULL REFERENCES accounts (name),
    at      INTEGER NOT NULL
) STRICT;

CREATE INDEX code_requests_of_account ON code_requests (account, at);

CREATE TABLE passwords (
    account    TEXT NOT NULL REFERENCES accounts (name),
    hash       BLOB NOT NULL,
    device     TEXT NOT NULL REFERENCES devices (id),
    expires_at INTEGER NOT NULL,
    used       INTEGER NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX passwords_of_device ON passwords (device);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    account TEXT,
    device  TEXT,
    event   TEXT NOT NULL
) STRICT;

CREATE INDEX audit_of_account ON audit (account, at);

-- The traits of a device's client, as the service observed them: it proves its PIN for passwords,
-- the wrong K1s that it proved without its PIN, it takes evolutions of K1, those that it let pass.
CREATE TABLE device_traits (
    device            TEXT PRIMARY KEY NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    proves_pin        INTEGER NOT NULL,
    unproved_tries    INTEGER NOT NULL,
    evolves           INTEGER NOT NULL,
    evolutions_passed INTEGER NOT NULL,
    mac               BLOB
) STRICT, WITHOUT ROWID;

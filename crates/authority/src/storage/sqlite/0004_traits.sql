-- What the service observed of a device's client: whether it proves its PIN for passwords, how often it
-- proved a wrong K1 without its PIN, whether it takes evolutions of K1, and how many it let pass.
CREATE TABLE device_traits (
    device            TEXT PRIMARY KEY NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    proves_pin        INTEGER NOT NULL,
    unproved_tries    INTEGER NOT NULL,
    evolves           INTEGER NOT NULL,
    evolutions_passed INTEGER NOT NULL,
    mac               BLOB
) STRICT, WITHOUT ROWID;

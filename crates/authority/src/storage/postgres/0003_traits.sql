-- The traits of a device's client, as the service observed them: it proves its PIN for passwords,
-- the wrong K1s that it proved without its PIN, it takes evolutions of K1, those that it let pass.
CREATE TABLE IF NOT EXISTS device_traits (
    device            TEXT PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    proves_pin        BIGINT NOT NULL,
    unproved_tries    BIGINT NOT NULL,
    evolves           BIGINT NOT NULL,
    evolutions_passed BIGINT NOT NULL,
    mac               BYTEA
);

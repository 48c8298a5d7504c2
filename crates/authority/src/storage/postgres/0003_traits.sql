-- What the service observed of a device's client: whether it proves its PIN for passwords, how often it
-- proved a wrong K1 without its PIN, whether it takes evolutions of K1, and how many it let pass.
CREATE TABLE IF NOT EXISTS device_traits (
    device            TEXT PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    proves_pin        BIGINT NOT NULL,
    unproved_tries    BIGINT NOT NULL,
    evolves           BIGINT NOT NULL,
    evolutions_passed BIGINT NOT NULL,
    mac               BYTEA
);

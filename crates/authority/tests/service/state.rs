//! The tables that hold the state of the service: all but its audit trail, which records refusals.

pub(crate) const STATE: [&str; 14] = [
    "accounts",
    "devices",
    "device_traits",
    "timed_blocks",
    "codes",
    "code_requests",
    "passwords",
    "refresh_tokens",
    "sms_queue",
    "sms_counts",
    "notices",
    "secrets",
    "service_keys",
    "meta",
];

//! The tables that hold the state of the service: all but its audit trail, which records refusals.

pub(crate) const STATE: [&str; 13] = [
    "accounts",
    "devices",
    "device_traits",
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

//! The tables that hold the state of the service: all but its audit trail, which records refusals.

pub(crate) const STATE: [&str; 16] = [
    "accounts",
    "devices",
    "device_traits",
    "timed_blocks",
    "account_events",
    "codes",
    "code_requests",
    "passwords",
    "refresh_tokens",
    "sms_queue",
    "sms_counts",
    "notices",
    "operator_proposals",
    "secrets",
    "service_keys",
    "meta",
];

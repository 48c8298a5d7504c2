//! The JSON views of rows for operators: for the API, and for commands with `--json`.

use serde::Serialize;

use authority::{AccountInfo, AuditEntry, DeviceInfo};

/// An account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    pub(crate) name: String,
    pub(crate) phone_number: Option<String>,
    pub(crate) blocked: bool,
    /// Milliseconds since 1970. Only a block that ends by itself has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocked_until: Option<i64>,
    pub(crate) pin_tries: u32,
    pub(crate) pin_wrong: u32,
    pub(crate) unproved_tries: u32,
    pub(crate) has_pin: bool,
    pub(crate) devices: u32,
}

impl From<AccountInfo> for AccountView {
    fn from(info: AccountInfo) -> Self {
        let AccountInfo {
            name,
            phone_number,
            blocked,
            blocked_until,
            pin_tries,
            pin_wrong,
            unproved_tries,
            has_pin,
            devices,
        } = info;
        Self {
            name: name.as_str().to_owned(),
            phone_number,
            blocked,
            blocked_until,
            pin_tries,
            pin_wrong,
            unproved_tries,
            has_pin,
            devices,
        }
    }
}

/// A device of an account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceView {
    pub(crate) id: String,
    pub(crate) short_id: String,
    pub(crate) name: String,
    pub(crate) serial: String,
    /// Milliseconds since 1970.
    pub(crate) made_at: i64,
    pub(crate) used_at: Option<i64>,
    pub(crate) pin_tries: u32,
    pub(crate) unproved_tries: u32,
    pub(crate) suspected_at: Option<i64>,
    pub(crate) suspended: bool,
    pub(crate) keystore: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) pending: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) needs_approval: bool,
}

impl From<DeviceInfo> for DeviceView {
    fn from(info: DeviceInfo) -> Self {
        let DeviceInfo {
            id,
            short_id,
            name,
            serial,
            made_at,
            used_at,
            pin_tries,
            unproved_tries,
            suspected_at,
            suspended,
            keystore,
            pending,
            needs_approval,
        } = info;
        Self {
            id,
            short_id,
            name,
            serial,
            made_at,
            used_at,
            pin_tries,
            unproved_tries,
            suspected_at,
            suspended,
            keystore: keystore.map(|keystore| keystore.as_str()),
            pending,
            needs_approval,
        }
    }
}

/// A line of the audit trail.
#[derive(Serialize)]
pub(crate) struct AuditView {
    /// The id as a text: as a JSON number it could lose precision.
    pub(crate) id: String,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) account: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) event: String,
    pub(crate) actor: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) count: u64,
    /// The reason that an operator gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, account, device, event, actor, address, count, reason } = entry;
        Self { id: id.to_string(), at, account, device, event, actor, address, count, reason }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_audit_trail_has_a_reason_only_if_an_operator_gave_one() {
        let view = |reason: Option<&str>| {
            let entry = AuditEntry {
                id: 1,
                at: 2,
                account: Some("alice".to_owned()),
                device: None,
                event: "account.unblocked".to_owned(),
                actor: Some("operator:bob".to_owned()),
                address: None,
                count: 1,
                reason: reason.map(str::to_owned),
            };
            serde_json::to_value(AuditView::from(entry)).unwrap()
        };
        assert_eq!(view(Some("lost phone"))["reason"], "lost phone");
        assert!(!view(None).as_object().unwrap().contains_key("reason"));
    }
}

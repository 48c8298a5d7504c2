//! The audit trail: its event names, its MACs, and the rows that count equal refusals.
//!
//! Every change of state and every refused proof writes a row. No row holds a secret.

mod key;
mod refusals;
mod trail;

pub(crate) use key::{AuditKey, RowState};
pub(crate) use refusals::{Claim, RefusalKind};
pub(crate) use trail::Trail;

pub(crate) const ACCOUNT_CREATED: &str = "account.created";
pub(crate) const ACCOUNT_REMOVED: &str = "account.removed";
pub(crate) const ACCOUNT_BLOCKED: &str = "account.blocked";
pub(crate) const ACCOUNT_BLOCKED_FOR_A_TIME: &str = "account.blocked_for_a_time";
pub(crate) const ACCOUNT_UNBLOCKED: &str = "account.unblocked";
pub(crate) const CODE_SENT: &str = "code.sent";
pub(crate) const CODE_WITHDRAWN: &str = "code.withdrawn";
pub(crate) const CODE_LIMITED: &str = "code.limited";
pub(crate) const CODE_REFUSED: &str = "code.refused";
pub(crate) const CODE_ACCEPTED: &str = "code.accepted";
pub(crate) const DEVICE_ACTIVATED: &str = "device.activated";
pub(crate) const DEVICE_CODE_MADE: &str = "device.code.made";
pub(crate) const DEVICE_CONFIRMED: &str = "device.confirmed";
pub(crate) const DEVICE_APPROVED: &str = "device.approved";
pub(crate) const DEVICE_REJECTED: &str = "device.rejected";
pub(crate) const DEVICE_NOT_CONFIRMED: &str = "device.not_confirmed";
pub(crate) const DEVICE_REDELIVERED: &str = "device.redelivered";
pub(crate) const DEVICE_REPLACED: &str = "device.replaced";
pub(crate) const DEVICE_REMOVED: &str = "device.removed";
pub(crate) const DEVICE_RENAMED: &str = "device.renamed";
pub(crate) const DEVICE_REFUSED: &str = "device.refused";
pub(crate) const DEVICE_SYNCHRONIZED: &str = "device.synchronized";
pub(crate) const CLONE_SUSPECTED: &str = "device.clone_suspected";
pub(crate) const DEVICE_SUSPENDED: &str = "device.suspended";
pub(crate) const DEVICE_RESUMED: &str = "device.resumed";
pub(crate) const K0_RENEWED: &str = "device.k0.renewed";
pub(crate) const DEVICE_DESYNCHRONIZED: &str = "device.desynchronized";
pub(crate) const K1_EVOLVING: &str = "device.k1.evolving";
pub(crate) const K1_EVOLVED: &str = "device.k1.evolved";
pub(crate) const K1_NOT_EVOLVING: &str = "device.k1.not_evolving";
pub(crate) const SECRET_STORED: &str = "device.secret.stored";
pub(crate) const PIN_SET: &str = "pin.set";
pub(crate) const PIN_CHANGED: &str = "pin.changed";
pub(crate) const PIN_RESET: &str = "pin.reset";
pub(crate) const PIN_REFUSED: &str = "pin.refused";
pub(crate) const PIN_FORGIVEN: &str = "pin.forgiven";
pub(crate) const PIN_BUDGET_HALF_SPENT: &str = "pin.budget_half_spent";
pub(crate) const PIN_BUDGET_SPENT: &str = "pin.budget_spent";
pub(crate) const PASSWORD_GRANTED: &str = "password.granted";
pub(crate) const PASSWORD_FORBIDDEN: &str = "password.forbidden";
pub(crate) const PASSWORD_ACCEPTED: &str = "password.accepted";
pub(crate) const PASSWORD_REFUSED: &str = "password.refused";
pub(crate) const PHONE_NUMBER_ADDED: &str = "phoneNumber.added";
pub(crate) const PHONE_NUMBER_MODIFIED: &str = "phoneNumber.modified";
pub(crate) const ENROLLMENTS_REMOVED: &str = "enrollments.removed";
pub(crate) const SMS_LIMITED: &str = "sms.limited";
pub(crate) const NOTICE_QUEUED: &str = "notice.queued";
pub(crate) const NOTICE_DROPPED: &str = "notice.dropped";
pub(crate) const SMS_DROPPED: &str = "sms.dropped";
pub(crate) const TOKEN_GRANTED: &str = "token.granted";
pub(crate) const TOKEN_ROTATED: &str = "token.rotated";
pub(crate) const TOKEN_REFUSED: &str = "token.refused";
pub(crate) const TOKEN_REUSED: &str = "token.reused";
pub(crate) const SECRET_MADE: &str = "secret.made";
pub(crate) const KEYS_ROTATED: &str = "keys.rotated";
pub(crate) const ROWS_AUTHENTICATED: &str = "rows.authenticated";
pub(crate) const ROW_ALTERED: &str = "row.altered";
pub(crate) const OPERATOR_REFUSED: &str = "operator.refused";
pub(crate) const OPERATOR_SIGNED_IN: &str = "operator.signed_in";
pub(crate) const OPERATOR_SIGNED_OUT: &str = "operator.signed_out";
pub(crate) const OPERATOR_PROPOSED: &str = "operator.proposed";
pub(crate) const OPERATOR_APPROVED: &str = "operator.approved";
pub(crate) const OPERATOR_REJECTED: &str = "operator.rejected";

/// Returns whether equal events of a minute share one row with a count. These events are refusals
/// that change nothing of an account, and any stranger can cause them at any rate. Wrong PINs are
/// not among them: each is charged, and each has its own row.
pub(crate) fn is_counted(event: &str) -> bool {
    [
        CODE_LIMITED,
        CODE_REFUSED,
        DEVICE_REFUSED,
        PASSWORD_FORBIDDEN,
        PASSWORD_REFUSED,
        TOKEN_REFUSED,
        OPERATOR_REFUSED,
        ROW_ALTERED,
    ]
    .contains(&event)
}

//! The application that speaks, and the parameters that every request of it carries.

use zeroize::Zeroizing;

use super::{Device, Request};
use inwebo_values::Proofs;

/// The protocol version that observed clients announce.
const VERSION: &str = "Generator-1.0/0.2.11";

/// The language that observed clients ask for.
const LANG: &str = "fr";

/// An SMS code: 4 to 12 letters or digits. Wiped when dropped.
#[derive(Clone)]
pub struct SmsCode(Zeroizing<String>);

impl SmsCode {
    /// The code in `text`, white space around it ignored; `None` where it is not 4 to 12 ASCII letters or digits.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (4..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Its letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Compared in a time that tells nothing but whether the lengths differ.
impl PartialEq for SmsCode {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_bytes(), other.0.as_bytes()).into()
    }
}

impl Eq for SmsCode {}

/// A ticket: what the service gave with the request for a code of an activation, and wants back with the code (ours).
/// 1 to 128 letters of base64url. Wiped when dropped; its `Debug` does not show it.
#[derive(Clone)]
pub struct Ticket(Zeroizing<String>);

impl Ticket {
    /// The ticket in `text`; `None` where it is none.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Its letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Compared in a time that tells nothing but whether the lengths differ.
impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_bytes(), other.0.as_bytes()).into()
    }
}

impl Eq for Ticket {}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ticket")
    }
}

/// The application at the service.
#[derive(Clone, Debug)]
pub struct Client {
    /// The application's id: 32 hex digits.
    pub mac_id: String,
    /// The name under which a device enrolls: what a person recognises it by.
    pub name: String,
}

impl Client {
    /// A setup step of an activated device.
    pub(super) fn setup(&self, mode: &str, device: &Device) -> Request {
        self.setup_of(mode, &device.id, &device.last_sync)
    }

    /// A setup step of a device that has no id yet.
    pub(super) fn first_setup(&self, mode: &str) -> Request {
        self.setup_of(mode, "", "0")
    }

    fn setup_of(&self, mode: &str, id: &str, last_sync: &str) -> Request {
        Request::new("ActionSetup", mode)
            .with("id", id)
            .with("lastsync", last_sync)
            .with("version", VERSION)
            .with("macid", &self.mac_id)
    }

    /// A finalize step of an activated device.
    pub(super) fn finalize(&self, mode: &str, device: &Device) -> Request {
        self.finalize_of(mode, &device.id, &device.last_sync)
    }

    /// A finalize step of a device that has no id yet.
    pub(super) fn first_finalize(&self, mode: &str) -> Request {
        self.finalize_of(mode, "", "0")
    }

    fn finalize_of(&self, mode: &str, id: &str, last_sync: &str) -> Request {
        Request::new("ActionFinalize", mode)
            .with("id", id)
            .with("lastsync", last_sync)
            .with("version", VERSION)
            .with("lang", LANG)
            .with("ack", "")
            .with("macid", &self.mac_id)
    }
}

impl Request {
    /// Appends the proofs.
    pub(super) fn proved(self, proofs: &Proofs) -> Self {
        self.with("R0", &proofs.r0).with("R1", &proofs.r1).with("R2", &proofs.r2)
    }
}

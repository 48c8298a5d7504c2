//! The service side of strong authentication with an SMS code and a PIN.
//!
//! [`Authority`] keeps accounts, PINs, devices and their keys in a database, sends SMS codes,
//! verifies the proofs of devices and checks one-time passwords. It serves two protocols: the MAC
//! exchange of devices ([`Authority::mac`]) and the CVS requests of authenticated accounts
//! ([`Authority::cvs`]). Requests are function calls, and answers are values. The host supplies
//! sockets, HTTP and the authentication of accounts.
//!
//! ```no_run
//! use authority::{Authority, MasterKey, Options, Outbox, Policy, SystemClock};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let authority = Authority::open(Options {
//!     database: "authority.db".into(),
//!     master_key: MasterKey::load_or_create("authority.key")?.into(),
//!     policy: Policy::default(),
//!     sms: Box::new(Outbox::new("outbox.jsonl")),
//!     sms_retry: None,
//!     clock: Box::new(SystemClock),
//! })?;
//! let query = "action=ActionSetup&mode=status&id=973d95c599fffbe9&lastsync=0&version=Generator-1.0%2F0.2.11\
//!              &macid=0123456789abcdef0123456789abcdef";
//! let answer = authority.mac(None, query)?;
//! # let _ = answer;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod account;
mod actor;
mod admin;
mod approvals;
mod audit;
mod authority;
mod blocks;
#[cfg(feature = "bulk")]
mod bulk;
mod clock;
mod codes;
mod cvs;
mod database_check;
mod devices;
mod diagnosis;
mod domain;
mod enrollment_codes;
mod failure;
mod key_ages;
mod key_material;
mod key_times;
mod mac;
mod master_key;
mod notices;
mod passwords;
mod pending_devices;
mod proposals;
pub mod random;
mod reason;
mod rekey;
mod rsa;
#[cfg(feature = "aws-rsa")]
mod rsa_opener;
mod sealing;
mod search;
mod service_keys;
mod sms;
mod sms_budget;
mod sms_queue;
mod step;
mod storage;
pub mod template;
#[cfg(feature = "postgres")]
pub mod tls;
mod tokens;
mod trail;

pub use account::AccountName;
pub use actor::Actor;
pub use admin::{AccountInfo, AuditEntry, DeviceInfo, Pruned, RowCheck, Unblock};
pub use authority::{Authority, Options};
#[cfg(feature = "bulk")]
pub use bulk::AccountCopy;
pub use clock::{Clock, SystemClock};
pub use diagnosis::{Cause, Diagnosis, Finding, Weight};
pub use domain::budget::SmsBudget;
pub use domain::code::{code_length, expected_hits};
pub use domain::dialing::Countries;
pub use domain::message::{Message, Notice};
#[cfg(feature = "phone-plans")]
pub use domain::phone::calling_code_of;
pub use domain::phone::{PhoneNumber, Plans};
pub use domain::policy::{ActivationProof, ClonePolicy, CodeLetters, KeySize, PinProof, Policy};
pub use domain::prefix::Prefix;
pub use domain::sms_rules::SmsRules;
pub use domain::sms_texts::{Language, SmsTexts};
pub use failure::{Failure, OpenError, StorageError};
pub use inwebo::cvs::{CvsAnswer, CvsRefusal, CvsRequest, DeviceEntry, Keystore, Purpose};
pub use inwebo::mode::Mode;
pub use inwebo::values::{DeviceName, Ticket};
pub use inwebo::word::Word;
pub use key_ages::KeyAge;
pub use key_material::wipe_stack;
pub use mac::{MacAnswer, MacRequest};
pub use master_key::{INPUT as MASTER_KEY_INPUT, KeyRing, MasterKey};
pub use passwords::Verdict;
pub use private_files::Sharing;
pub use proposals::{Action, Approved, Proposal, Proposed};
pub use reason::Reason;
pub use rekey::Progress;
pub use search::{FoundAccount, FoundBy};
pub use sms::{Outbox, Sms, SmsError, SmsGateway};
pub use sms_queue::{Delivered, SmsRetry};
pub use step::Tally;
#[cfg(feature = "postgres")]
pub use storage::Postgres;
#[cfg(debug_assertions)]
#[doc(hidden)]
pub use storage::recorded_statements;
pub use storage::{Database, SqliteFile};
pub use trail::{AuditCheck, AuditFault, AuditSeal, Sealing};

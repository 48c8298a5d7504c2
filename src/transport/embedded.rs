//! The embedded authority as a transport: the same requests and answers that would travel over HTTP, by function call.

use std::path::PathBuf;

use pims_authority::{
    AccountName, Authority, Clock, Database, Failure, MasterKey, OpenError, Options, Outbox, Policy, Purpose, Sharing,
    SqliteFile, Verdict,
};
use zeroize::Zeroizing;

use super::{CodePurpose, CvsAnswer, CvsRefusal, CvsRequest, Transport, TransportError};
use crate::clock::MovedClock;
use crate::inwebo::{Request, Ticket};

impl Clock for MovedClock {
    fn now(&self) -> i64 {
        MovedClock::now(self)
    }
}

/// Where the embedded authority keeps what it has, and whose account it serves.
pub struct Place {
    /// Its database. The master key lies beside it, with the extension `key`.
    pub database: PathBuf,
    /// The file that its SMS go to.
    pub outbox: PathBuf,
    /// Whether others may be able to write to the folders of these files.
    pub sharing: Sharing,
    /// The account.
    pub account: String,
    /// Its rules.
    pub policy: Policy,
    /// Its clock.
    pub clock: MovedClock,
}

/// Why the embedded authority cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Its account's name is not one.
    #[error("account.username is not the name of an account")]
    Account,
    /// Its master key cannot be read or made.
    #[error("the embedded authority's master key {0} cannot be read or made: {1}")]
    MasterKey(PathBuf, std::io::Error),
    /// Its database cannot be opened.
    #[error("the embedded authority's database {0} cannot be opened: {1}")]
    Database(PathBuf, OpenError),
}

/// The embedded authority, serving one account.
pub struct Embedded {
    authority: Authority,
    account: AccountName,
}

impl Embedded {
    /// Opens the authority, making its database where there is none.
    pub fn open(place: Place) -> Result<Self, EmbeddedError> {
        let account = AccountName::new(&place.account).ok_or(EmbeddedError::Account)?;
        let key_file = place.database.with_extension("key");
        let master_key = MasterKey::load_or_create_in(&key_file, place.sharing)
            .map_err(|error| EmbeddedError::MasterKey(key_file, error))?;
        let authority = Authority::open(Options {
            database: Database::Sqlite(SqliteFile { path: place.database.clone(), sharing: place.sharing }),
            master_key: master_key.into(),
            policy: place.policy,
            sms: Box::new(Outbox::new(&place.outbox).in_folder(place.sharing)),
            sms_retry: None,
            clock: Box::new(place.clock),
        })
        .map_err(|error| EmbeddedError::Database(place.database, error))?;
        Ok(Self { authority, account })
    }

    /// Checks a one-time password as a relying party would: right once.
    pub fn verify_otp(&self, otp: &str) -> Result<bool, TransportError> {
        Ok(self.authority.verify_otp(&self.account, otp).map_err(server)? == Verdict::Accepted)
    }
}

impl Transport for Embedded {
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, TransportError> {
        self.authority.mac(Some(&self.account), request.query()).map(Zeroizing::new).map_err(server)
    }

    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, TransportError> {
        use pims_authority::CvsRequest as Theirs;
        let request = match *request {
            CvsRequest::SendCode { purpose, phone_number } => {
                let purpose = match purpose {
                    CodePurpose::Enrollment => Purpose::Enrollment,
                    CodePurpose::PhoneNumberCertification => Purpose::PhoneNumberCertification,
                    CodePurpose::ResetPin => Purpose::ResetPin,
                };
                Theirs::SendCode { purpose, phone_number }
            }
            CvsRequest::TrustedPhoneNumber => Theirs::TrustedPhoneNumber,
            CvsRequest::AddPhoneNumber { code, phone_number } => {
                Theirs::AddPhoneNumber { sms_code: code.as_str(), phone_number }
            }
            CvsRequest::ModifyPhoneNumber { code, phone_number } => {
                Theirs::ModifyPhoneNumber { sms_code: code.as_str(), phone_number }
            }
            CvsRequest::RemoveEnrollments => Theirs::RemoveEnrollments,
        };
        self.authority.cvs(&self.account, &request).map(answer).map_err(server)
    }
}

fn answer(answer: pims_authority::CvsAnswer) -> CvsAnswer {
    use pims_authority::{CvsAnswer as Theirs, CvsRefusal as TheirRefusal};
    match answer {
        Theirs::Done => CvsAnswer::Done,
        Theirs::Ticket(ticket) => Ticket::new(ticket.reveal()).map_or(CvsAnswer::Done, CvsAnswer::Ticket),
        Theirs::PhoneNumber(number) => CvsAnswer::PhoneNumber(number),
        Theirs::Refused(refusal) => CvsAnswer::Refused(match refusal {
            TheirRefusal::NoPhoneNumber => CvsRefusal::NoPhoneNumber,
            TheirRefusal::PhoneNumberRegistered => CvsRefusal::PhoneNumberRegistered,
            TheirRefusal::BadPhoneNumber => CvsRefusal::BadPhoneNumber,
            TheirRefusal::WrongCode { attempts_left } => CvsRefusal::WrongCode { attempts_left },
            TheirRefusal::TooManyCodes { retry_after_seconds } => {
                CvsRefusal::TooManyCodes { retry_after_seconds: Some(retry_after_seconds) }
            }
            TheirRefusal::SmsNotSent => CvsRefusal::SmsNotSent,
        }),
    }
}

fn server(failure: Failure) -> TransportError {
    TransportError::Server { what: failure.to_string(), retry_after_seconds: None }
}

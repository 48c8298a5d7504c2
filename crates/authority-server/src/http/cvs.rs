//! CVS: the requests of apps that present their account's token. docs/protocol.md describes bodies
//! and words.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::reply::{ApiError, device_name, object};
use crate::identity::Caller;
use crate::rates::Reservation;
use crate::service::Service;
use authority::{
    AccountName, Actor, Authority, CvsAnswer, CvsRefusal, CvsRequest, DeviceEntry, Language, PhoneNumber, Purpose,
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SendCodeBody {
    #[serde(rename = "type", default = "enrollment")]
    purpose: String,
    phone_number: Option<String>,
}

fn enrollment() -> String {
    Purpose::Enrollment.as_str().to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NumberBody {
    sms_code: Zeroizing<String>,
    phone_number: String,
}

/// The id of a device in a path. It may be no text at all.
type DevicePath = Result<Path<String>, PathRejection>;

pub(crate) async fn send_code(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let caller = caller(&service, &headers)?;
    let body: SendCodeBody =
        if body.is_empty() { SendCodeBody { purpose: enrollment(), phone_number: None } } else { parse(&body)? };
    let purpose = Purpose::parse(&body.purpose)
        .ok_or(ApiError::Malformed("`type` is none of enrollment, phoneNumberCertification, resetPIN"))?;
    let account = match purpose {
        // This code begins a change of the phone number.
        Purpose::PhoneNumberCertification => stepped_up(caller)?,
        // These codes go to the trusted number: a thief who has only the token does not get them.
        Purpose::Enrollment | Purpose::ResetPin => caller.account(),
    };
    // A number that is not certified yet may be a stranger's. This limit protects it from the SMS
    // of many accounts together.
    let mut reservation = Reservation::default();
    let uncertified = body.phone_number.as_deref().filter(|_| purpose == Purpose::PhoneNumberCertification);
    if let Some(number) = uncertified.and_then(|text| service.authority().phone_number(text))
        && let Err(wait) = reservation.try_acquire(&service.rates.codes_of_number, last_digits(&number), Instant::now())
    {
        service.metrics.limited("number");
        let refusal = CvsRefusal::TooManyCodes { retry_after_seconds: Some(wait.as_secs().saturating_add(1)) };
        return Ok(respond(&service, "sendCode", CvsAnswer::Refused(refusal)));
    }
    let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let languages = languages.map(Language::accepted).unwrap_or_default();
    let answer = service
        .send(move |authority| {
            let phone_number = body.phone_number.as_deref();
            app(authority).cvs_in(&account, &CvsRequest::SendCode { purpose, phone_number }, &languages)
        })
        .await;
    // If the gateway did not accept the message, the service may send it later.
    let may_be_sent =
        matches!(answer, Ok(Some(CvsAnswer::Done | CvsAnswer::Ticket(_) | CvsAnswer::Refused(CvsRefusal::SmsNotSent))));
    if !may_be_sent {
        reservation.refund();
    }
    let answer = answer?;
    // All gateway permits are in use: the gateway is probably down.
    Ok(respond(&service, "sendCode", answer.unwrap_or(CvsAnswer::Refused(CvsRefusal::SmsNotSent))))
}

/// Returns the last digits of a number. Without a default country the service cannot tell that a
/// number in national form equals one with a calling code; the last digits are the same. Numbers of
/// different countries may share these digits, and then they share a limit.
fn last_digits(number: &PhoneNumber) -> String {
    const DIGITS: usize = 8;
    let digits = number.as_str().trim_start_matches('+');
    digits.get(digits.len().saturating_sub(DIGITS)..).unwrap_or(digits).to_owned()
}

pub(crate) async fn phone_number(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let account = account(&service, &headers)?;
    let answer = service.step(move |authority| app(authority).cvs(&account, &CvsRequest::TrustedPhoneNumber)).await?;
    Ok(respond(&service, "phoneNumber", answer))
}

pub(crate) async fn add_phone_number(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    register(&service, &headers, &body, "addPhoneNumber", |number| CvsRequest::AddPhoneNumber {
        sms_code: &number.sms_code,
        phone_number: &number.phone_number,
    })
    .await
}

pub(crate) async fn modify_phone_number(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    register(&service, &headers, &body, "modifyPhoneNumber", |number| CvsRequest::ModifyPhoneNumber {
        sms_code: &number.sms_code,
        phone_number: &number.phone_number,
    })
    .await
}

/// Registers a number with the code that certifies it.
async fn register(
    service: &Arc<Service>,
    headers: &HeaderMap,
    body: &[u8],
    operation: &str,
    request: fn(&NumberBody) -> CvsRequest<'_>,
) -> Result<Response, ApiError> {
    let account = stepped_up(caller(service, headers)?)?;
    let number: NumberBody = parse(body)?;
    let answer = service.step(move |authority| app(authority).cvs(&account, &request(&number))).await?;
    Ok(respond(service, operation, answer))
}

pub(crate) async fn remove_enrollments(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let account = stepped_up(caller(&service, &headers)?)?;
    let answer = service.step(move |authority| app(authority).cvs(&account, &CvsRequest::RemoveEnrollments)).await?;
    Ok(respond(&service, "removeEnrollments", answer))
}

pub(crate) async fn devices(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let account = account(&service, &headers)?;
    let answer = service.step(move |authority| app(authority).cvs(&account, &CvsRequest::Devices)).await?;
    Ok(respond(&service, "devices", answer))
}

pub(crate) async fn rename_device(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    device: DevicePath,
    body: Bytes,
) -> Result<Response, ApiError> {
    let account = stepped_up(caller(&service, &headers)?)?;
    let name = device_name(&body)?;
    let device = device_id(device);
    let answer = service
        .step(move |authority| app(authority).cvs(&account, &CvsRequest::RenameDevice { device: &device, name: &name }))
        .await?;
    Ok(respond(&service, "renameDevice", answer))
}

pub(crate) async fn remove_device(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    device: DevicePath,
) -> Result<Response, ApiError> {
    let account = stepped_up(caller(&service, &headers)?)?;
    let device = device_id(device);
    let answer = service
        .step(move |authority| app(authority).cvs(&account, &CvsRequest::RemoveDevice { device: &device }))
        .await?;
    Ok(respond(&service, "removeDevice", answer))
}

/// Returns the text that a path has for a device. A path that is no text names no device: its
/// answer is that of every text that names none.
fn device_id(device: DevicePath) -> String {
    device.map_or_else(|_| String::new(), |Path(device)| device)
}

/// Returns the service, acting as an app.
pub(super) fn app(authority: &Authority) -> Authority {
    authority.acting_as(&Actor::App, None)
}

/// Returns the account of a request, unless it sent too many requests.
pub(crate) fn account(service: &Service, headers: &HeaderMap) -> Result<AccountName, ApiError> {
    caller(service, headers).map(Caller::account)
}

/// Returns the client of a request, unless its account sent too many requests.
fn caller(service: &Service, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let caller = service.identity.caller(headers).ok_or(ApiError::Unauthorized)?;
    let admitted = service.rates.account.try_acquire(caller.name().clone(), Instant::now());
    admitted.map_err(|wait| ApiError::limited(service, "account", wait))?;
    Ok(caller)
}

/// Returns the account for a change of its phone number or of a device, or the removal of its
/// enrollments. They may require a fresh or strong login.
fn stepped_up(caller: Caller) -> Result<AccountName, ApiError> {
    caller.stepped_up().map_err(ApiError::LoginRequired)
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    object(body).ok_or(ApiError::Malformed("the body is not the JSON that this path takes"))
}

fn respond(service: &Service, operation: &str, answer: CvsAnswer) -> Response {
    service.metrics.outcome(operation, word_of(&answer).1);
    response(answer)
}

fn word_of(answer: &CvsAnswer) -> (StatusCode, &str) {
    match answer {
        CvsAnswer::Done | CvsAnswer::Ticket(_) | CvsAnswer::PhoneNumber(_) | CvsAnswer::Devices(_) => {
            (StatusCode::OK, "OK")
        }
        CvsAnswer::Refused(refusal) => status_and_word(refusal),
    }
}

/// Returns the response with an answer of CVS.
pub(crate) fn response(answer: CvsAnswer) -> Response {
    let (status, word) = word_of(&answer);
    match answer {
        CvsAnswer::Done => Json(json!({})).into_response(),
        CvsAnswer::Ticket(ticket) => Json(json!({"ticket": ticket.reveal()})).into_response(),
        CvsAnswer::PhoneNumber(number) => Json(json!({"phoneNumber": number})).into_response(),
        CvsAnswer::Devices(devices) => {
            let devices: Vec<EntryView> = devices.into_iter().map(EntryView::from).collect();
            Json(json!({"devices": devices})).into_response()
        }
        CvsAnswer::Refused(CvsRefusal::WrongCode { attempts_left }) => {
            (status, Json(json!({"err": word, "attemptsLeft": attempts_left}))).into_response()
        }
        CvsAnswer::Refused(CvsRefusal::NoCode) => {
            (status, Json(json!({"err": word, "attemptsLeft": 0, "reason": "noCode"}))).into_response()
        }
        CvsAnswer::Refused(CvsRefusal::TooManyCodes { retry_after_seconds }) => {
            let after = retry_after_seconds.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
            (status, after, Json(json!({"err": word}))).into_response()
        }
        CvsAnswer::Refused(_) => (status, Json(json!({"err": word}))).into_response(),
    }
}

/// A device in the list for an app.
#[derive(Serialize)]
struct EntryView {
    id: String,
    name: String,
    /// Milliseconds since 1970.
    since: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keystore: Option<&'static str>,
}

impl From<DeviceEntry> for EntryView {
    fn from(entry: DeviceEntry) -> Self {
        // No device sends a request of CVS.
        let DeviceEntry { id, name, since, used, keystore, is_self: _ } = entry;
        Self { id, name, since, used, keystore: keystore.map(|keystore| keystore.as_str()) }
    }
}

fn status_and_word(refusal: &CvsRefusal) -> (StatusCode, &str) {
    match refusal {
        CvsRefusal::NoPhoneNumber => (StatusCode::NOT_FOUND, "NOK:NOPHONE"),
        CvsRefusal::PhoneNumberRegistered => (StatusCode::CONFLICT, "NOK:PHONEREGISTERED"),
        CvsRefusal::BadPhoneNumber => (StatusCode::UNPROCESSABLE_ENTITY, "NOK:PHONE"),
        CvsRefusal::WrongCode { .. } | CvsRefusal::NoCode => (StatusCode::FORBIDDEN, "NOK:CODE"),
        CvsRefusal::OtherNumber => (StatusCode::FORBIDDEN, "NOK:OTHERNUMBER"),
        CvsRefusal::TooManyCodes { .. } => (StatusCode::TOO_MANY_REQUESTS, "NOK:TOOMANYCODES"),
        CvsRefusal::SmsNotSent => (StatusCode::SERVICE_UNAVAILABLE, "NOK:NOSMS"),
        CvsRefusal::NoSuchDevice => (StatusCode::NOT_FOUND, "NOK:DEVICEID"),
        CvsRefusal::Word { word, .. } => (StatusCode::FORBIDDEN, word.as_str()),
    }
}

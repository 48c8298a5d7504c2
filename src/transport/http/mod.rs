//! The service over HTTP: MAC by query and XML, CVS by JSON.
//!
//! Each request is one attempt, on a connection that is kept for the next request. Redirects are
//! not followed. An answer is read up to a limit. URLs contain secrets in this exchange, so no URL
//! ever enters an error or a log.

mod dial;
mod gateway;
mod hybrid;
mod proxy;
mod tls;

use std::io;
use std::time::Duration;

use inwebo::client::Request;
use inwebo::cvs::{CvsAnswer, CvsRefusal, CvsRequest, DeviceEntry, Keystore, Purpose};
use inwebo::values::Ticket;
use inwebo::word::{Verdict, Word};
use serde::{Deserialize, Serialize};
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::typestate::{WithBody, WithoutBody};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector};
use ureq::{Agent, Body, RequestBuilder};
use zeroize::Zeroizing;

use super::{AccessToken, TimeLimit, Transport, TransportError};

pub use dial::Interrupt;
pub use proxy::{ProxyInUse, is_proxy};
pub use tls::{Pin, Trust, TrustError};

use dial::{InterruptibleResolver, NotConnected, TcpConnector};
use gateway::GatewayError;
use tls::{Tls, Untrusted};

/// Largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 256 * 1024;

/// Time after which an idle connection is not used again. Usual servers close an idle connection
/// after 5 seconds or more. A request that meets a connection which is being closed fails, and is
/// not repeated.
const MAX_IDLE: Duration = Duration::from_secs(3);

/// Usual path of the exchange.
pub const MAC_PATH: &str = "/iwws/MAC";

/// The library's own name in its requests.
const USER_AGENT: &str = concat!("libpims/", env!("CARGO_PKG_VERSION"));

/// Path of the resources of CVS.
const CVS_PATH: &str = "/applications/cvs/v4/mobile";

const JSON: &str = "application/json";

const NO_TOKEN: TransportError = TransportError::NotAuthenticated(
    "CVS needs the account's access token: give it as account.accessToken or by set pims.authentication.token",
);
const TOKEN_REFUSED: TransportError = TransportError::NotAuthenticated(
    "the service did not take the access token: hand over a fresh one by set pims.authentication.token",
);

/// Error for a token whose login is too old or too weak (RFC 9470).
const LOGIN_WANTED: TransportError = TransportError::NotAuthenticated(
    "the service wants a fresh login for this: let the person sign in again, and hand over the new access token by set pims.authentication.token",
);

const NO_TOKEN_SENT: TransportError = TransportError::NotAuthenticated(
    "the service wants the account's access token with an activation: it is sent where there is no credential.cvsURL",
);

/// Settings of the connections to the service.
pub struct Endpoint {
    /// The inWebo service, `scheme://host[:port][/path]`.
    pub inwebo: String,
    /// The path of the exchange after it.
    pub mac_path: String,
    /// The header `User-Agent` of the exchange. If `None`, it is the library's own.
    pub mac_user_agent: Option<String>,
    /// The CVS service. If `None`, it is at the host of `inwebo`.
    pub cvs: Option<String>,
    /// The language of SMS.
    pub locale: Option<String>,
    /// The header `User-Agent` of requests to CVS. If `None`, it is the library's own.
    pub cvs_user_agent: Option<String>,
    /// The id of the CVS client.
    pub client_id: Option<String>,
    /// The realm of the account, which is passed on to CVS.
    pub realm: Option<String>,
    /// The longest time until a connection is established.
    pub connect_timeout: Duration,
    /// The longest time until the whole answer is received, connection included.
    pub request_timeout: Duration,
    /// An HTTP proxy, for `https` alone. If `None`, the usual environment variables name the proxy.
    pub proxy: Option<String>,
    /// The trusted roots and keys.
    pub trust: Trust,
    /// The account's access token.
    pub token: AccessToken,
    /// The interrupt that ends requests from another thread.
    pub interrupt: Interrupt,
}

/// Returns an error if a configuration of trust cannot be used.
pub fn check_trust(trust: &Trust) -> Result<(), TrustError> {
    Tls::new(trust, None).map(drop)
}

/// Service over HTTP.
pub struct Http {
    agent: Agent,
    mac: String,
    cvs: String,
    query: String,
    mac_user_agent: Option<String>,
    cvs_user_agent: Option<String>,
    locale: Option<String>,
    realm: Option<String>,
    /// If true, MAC and CVS are one server, which receives the token with CVS requests anyway.
    is_same_server: bool,
    token: AccessToken,
    interrupt: Interrupt,
}

impl Http {
    /// Prepares connections, but opens none yet.
    pub fn new(endpoint: Endpoint) -> Result<Self, TrustError> {
        let proxy = proxy::choose(endpoint.proxy.as_deref());
        let tls = Tls::new(&endpoint.trust, proxy.as_ref())?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .timeout_connect(Some(endpoint.connect_timeout))
            .timeout_global(Some(endpoint.request_timeout))
            .max_idle_age(MAX_IDLE)
            .user_agent(USER_AGENT)
            .build();
        let inwebo = endpoint.inwebo.trim_end_matches('/');
        let cvs = endpoint.cvs.as_deref().map_or_else(|| origin(inwebo), |url| url.trim_end_matches('/'));
        let client: String =
            endpoint.client_id.iter().flat_map(|id| form_urlencoded::byte_serialize(id.as_bytes())).collect();
        let interrupt = endpoint.interrupt;
        let connector = ().chain(ConnectProxyConnector::default()).chain(TcpConnector(interrupt.clone())).chain(tls);
        let agent = Agent::with_parts(config, connector, InterruptibleResolver(interrupt.clone()));
        interrupt.attach(&agent);
        Ok(Self {
            agent,
            mac: format!("{inwebo}{}", endpoint.mac_path),
            cvs: format!("{cvs}{CVS_PATH}"),
            query: if client.is_empty() { String::new() } else { format!("?client_id={client}") },
            mac_user_agent: endpoint.mac_user_agent,
            cvs_user_agent: endpoint.cvs_user_agent,
            locale: endpoint.locale,
            realm: endpoint.realm,
            is_same_server: endpoint.cvs.is_none(),
            token: endpoint.token,
            interrupt,
        })
    }

    /// Converts a failure. If an interrupt caused it, the result says that.
    fn failed(&self, error: ureq::Error) -> TransportError {
        if self.interrupt.is_triggered() {
            return TransportError::Unreachable("pims_free was called".into());
        }
        failed(error)
    }

    fn read(&self, mut response: Response<Body>) -> Result<Zeroizing<String>, TransportError> {
        let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        text.map(Zeroizing::new).map_err(|error| match self.failed(error) {
            // The service has begun to answer.
            TransportError::Unreachable(what) if !self.interrupt.is_triggered() => {
                TransportError::Unusable(format!("it broke off ({what})"))
            }
            error => error,
        })
    }

    /// Receives an answer of any operation. An error of a gateway is found here, whatever its
    /// status. `has_token` says whether the request carried the access token: only such a request
    /// can have a wrong one.
    fn receive(&self, response: Response<Body>, has_token: bool) -> Result<Served, TransportError> {
        let (status, retry_after) = (response.status(), retry_after(&response));
        let is_unauthorized = has_token && status == StatusCode::UNAUTHORIZED;
        let refused_token = is_unauthorized.then(|| unauthorized(response.headers()));
        let body = match self.read(response) {
            // If the body says nothing, the status says enough.
            Err(_) if !status.is_success() => Zeroizing::default(),
            body => body?,
        };
        if let Some(gateway) = GatewayError::read(status, &body) {
            return Err(gateway.failure(status, has_token, retry_after, refused_token));
        }
        refused_token.map_or(Ok(Served { status, retry_after, body }), Err)
    }

    /// Adds the headers of every request to CVS.
    fn with_cvs_headers<T>(&self, request: RequestBuilder<T>, bearer: &str, accept: &str) -> RequestBuilder<T> {
        let request = without_proxy_if_plain(request, &self.cvs);
        let request = with_user_agent(request, self.cvs_user_agent.as_deref())
            .header("Authorization", bearer)
            .header("Accept", accept);
        match &self.realm {
            Some(realm) => request.header("x-introspect-realm", realm),
            None => request,
        }
    }

    /// Requests an SMS code. The request for an enrollment has the form in which the public clients
    /// send it: without a body, and with their `Accept`. A request without a body means an
    /// enrollment. The other purposes have a body, which is this project's own.
    fn send_code(
        &self,
        purpose: Purpose,
        phone_number: Option<&str>,
        bearer: &str,
    ) -> Result<Response<Body>, ureq::Error> {
        let url = format!("{}/smsCode{}", self.cvs, self.query);
        let accept = if purpose == Purpose::Enrollment { "application/hal+json" } else { JSON };
        let mut request = self.with_cvs_headers(self.agent.post(url), bearer, accept);
        if let Some(locale) = &self.locale {
            request = request.query("locale", locale).header("Accept-Language", locale);
        }
        if purpose == Purpose::Enrollment {
            return request.send_empty();
        }
        let body = wiped_json::to_vec(&CodeRequest { r#type: purpose.as_str(), phone_number });
        request.header("Content-Type", JSON).send(&body[..])
    }

    fn send(&self, request: &CvsRequest<'_>) -> Result<Response<Body>, TransportError> {
        let bearer = bearer(&self.token.get().ok_or(NO_TOKEN)?);
        let url = |resource: &str| format!("{}/{resource}{}", self.cvs, self.query);
        let bodiless = |request: RequestBuilder<WithoutBody>| self.with_cvs_headers(request, &bearer, JSON).call();
        let with_body = |request: RequestBuilder<WithBody>, body: &Zeroizing<Vec<u8>>| {
            self.with_cvs_headers(request, &bearer, JSON).header("Content-Type", JSON).send(&body[..])
        };
        match *request {
            CvsRequest::SendCode { purpose, phone_number } => self.send_code(purpose, phone_number, &bearer),
            CvsRequest::TrustedPhoneNumber => bodiless(self.agent.get(url("trustedPhoneNumber"))),
            CvsRequest::AddPhoneNumber { sms_code, phone_number } => {
                let body = wiped_json::to_vec(&CertifiedNumber { sms_code, phone_number });
                with_body(self.agent.post(url("trustedPhoneNumber")), &body)
            }
            CvsRequest::ModifyPhoneNumber { sms_code, phone_number } => {
                let body = wiped_json::to_vec(&CertifiedNumber { sms_code, phone_number });
                with_body(self.agent.put(url("trustedPhoneNumber")), &body)
            }
            CvsRequest::RemoveEnrollments => bodiless(self.agent.delete(url("enrollments"))),
            CvsRequest::Devices => bodiless(self.agent.get(url("devices"))),
            CvsRequest::RenameDevice { device, name } => {
                let body = wiped_json::to_vec(&NewName { name: name.as_str() });
                with_body(self.agent.patch(url(&device_path(device))), &body)
            }
            CvsRequest::RemoveDevice { device } => bodiless(self.agent.delete(url(&device_path(device)))),
        }
        .map_err(|error| self.failed(error))
    }
}

impl Transport for Http {
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, TransportError> {
        let url = Zeroizing::new(format!("{}?{}", self.mac, request.query()));
        let outgoing = without_proxy_if_plain(self.agent.get(&**url), &self.mac);
        let mut outgoing = with_user_agent(outgoing, self.mac_user_agent.as_deref());
        // A code names no account, but the token does. So the code is tried, and charged, for that
        // account alone.
        let token = self.token.get().filter(|_| self.is_same_server && request.is_anonymous_activation());
        if let Some(token) = &token {
            outgoing = outgoing.header("Authorization", &*bearer(token));
        }
        let response = outgoing.call().map_err(|error| self.failed(error))?;
        let Served { status, retry_after, body } = self.receive(response, token.is_some())?;
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::UNAUTHORIZED if request.is_anonymous_activation() => Err(NO_TOKEN_SENT),
            _ => Err(refused(status, retry_after)),
        }
    }

    fn check_account(&self) -> Result<(), TransportError> {
        self.token.get().map(drop).ok_or(NO_TOKEN)
    }

    fn date(&self) -> Result<Option<String>, TransportError> {
        // The service refuses this method, or this request without parameters. Its answer has a
        // date all the same.
        let request = without_proxy_if_plain(self.agent.head(&self.mac), &self.mac);
        let request = with_user_agent(request, self.mac_user_agent.as_deref());
        let response = request.call().map_err(|error| self.failed(error))?;
        let date = response.headers().get("Date").and_then(|date| date.to_str().ok());
        Ok(date.map(str::to_owned))
    }

    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, TransportError> {
        let response = self.send(request)?;
        let Served { status, retry_after, body } = self.receive(response, true)?;
        if status.is_success() {
            return match request {
                CvsRequest::TrustedPhoneNumber => phone_number(&body),
                CvsRequest::Devices => read_devices(&body),
                CvsRequest::SendCode { .. } => code_sent(&body, retry_after),
                _ => read_done(&body, retry_after),
            };
        }
        let word = serde_json::from_str::<CvsError>(&body).ok().filter(|error| !error.err.is_empty());
        match word.map(|error| error.refusal(retry_after)) {
            // The status says more than an unknown word.
            Some(CvsRefusal::Word { word: Word::Unknown(_), .. }) if is_busy(status) => {
                Err(refused(status, retry_after))
            }
            Some(refusal) => Ok(CvsAnswer::Refused(refusal)),
            None => Err(refused(status, retry_after)),
        }
    }
}

/// Answer that no gateway wrote.
struct Served {
    status: StatusCode,
    /// The time to wait before another try, in seconds, if the answer gives it.
    retry_after: Option<u64>,
    body: Zeroizing<String>,
}

/// Returns the error of a 401, which is about the token or about the login behind it.
fn unauthorized(headers: &HeaderMap) -> TransportError {
    const ERROR: &str = "insufficient_user_authentication";
    let challenges = headers.get_all("WWW-Authenticate");
    let is_about_login = |text: &str| text.contains(ERROR);
    if challenges.iter().filter_map(|text| text.to_str().ok()).any(is_about_login) {
        LOGIN_WANTED
    } else {
        TOKEN_REFUSED
    }
}

/// Returns the time to wait before another try, in seconds. A date is not read.
fn retry_after(response: &Response<Body>) -> Option<u64> {
    response.headers().get("Retry-After")?.to_str().ok()?.parse().ok()
}

/// Returns whether the service could not process the request. The same request may succeed later.
fn is_busy(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn with_user_agent<T>(request: RequestBuilder<T>, name: Option<&str>) -> RequestBuilder<T> {
    match name {
        Some(name) => request.header("User-Agent", name),
        None => request,
    }
}

fn bearer(token: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("Bearer {token}"))
}

/// Keeps a request to a service on this machine (`http`) away from the proxy, because the request
/// is not encrypted.
fn without_proxy_if_plain<T>(request: RequestBuilder<T>, url: &str) -> RequestBuilder<T> {
    let is_encrypted = url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    if is_encrypted { request } else { request.config().proxy(None).build() }
}

/// Returns the scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |position| position + 3);
    let end = url[after_scheme..].find('/').map_or(url.len(), |position| after_scheme + position);
    &url[..end]
}

/// Body of a request for a code.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeRequest<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
}

/// Body of a request that registers a number.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CertifiedNumber<'a> {
    sms_code: &'a str,
    phone_number: &'a str,
}

/// Body of a request that renames a device.
#[derive(Serialize)]
struct NewName<'a> {
    name: &'a str,
}

/// Returns the path of a device. Each byte of the id that could change the URL is escaped.
fn device_path(device: &str) -> String {
    let mut path = String::from("devices/");
    for byte in device.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => path.push(char::from(byte)),
            byte => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

/// Error in an answer of CVS: a word of the MAC exchange, or a word of CVS itself.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CvsError {
    err: String,
    attempts_left: Option<u32>,
    reason: String,
}

impl CvsError {
    fn refusal(self, retry_after: Option<u64>) -> CvsRefusal {
        match self.err.as_str() {
            "NOK:NOPHONE" => CvsRefusal::NoPhoneNumber,
            "NOK:PHONEREGISTERED" => CvsRefusal::PhoneNumberRegistered,
            "NOK:PHONE" => CvsRefusal::BadPhoneNumber,
            "NOK:CODE" if self.reason == "noCode" => CvsRefusal::NoCode,
            "NOK:OTHERNUMBER" => CvsRefusal::OtherNumber,
            "NOK:NOSMS" => CvsRefusal::SmsNotSent,
            "NOK:DEVICEID" => CvsRefusal::NoSuchDevice,
            "NOK:TOOMANYCODES" => CvsRefusal::TooManyCodes { retry_after_seconds: retry_after },
            word => CvsRefusal::Word { word: Word::read(word), attempts_left: self.attempts_left },
        }
    }
}

/// Reads the body of a success, which may still contain an error word. Other content, such as the
/// page of a hotel's network, is not an answer: the request may not have been done.
fn read_done(body: &str, retry_after: Option<u64>) -> Result<CvsAnswer, TransportError> {
    if body.trim().is_empty() {
        return Ok(CvsAnswer::Done);
    }
    // serde would accept a list as an object.
    let error = if body.trim_start().starts_with('{') { serde_json::from_str::<CvsError>(body).ok() } else { None };
    match error {
        Some(error) if error.err.is_empty() => Ok(CvsAnswer::Done),
        Some(error) if !matches!(Verdict::read(&error.err), Verdict::Refused(_)) => Ok(CvsAnswer::Done),
        Some(error) => Ok(CvsAnswer::Refused(error.refusal(retry_after))),
        None => Err(TransportError::Unusable("it is not the JSON of CVS".into())),
    }
}

/// Reads the answer to a request for a code. It may contain a ticket.
fn code_sent(body: &str, retry_after: Option<u64>) -> Result<CvsAnswer, TransportError> {
    #[derive(Deserialize)]
    struct Given {
        ticket: Zeroizing<String>,
    }
    let answer = read_done(body, retry_after)?;
    let given = serde_json::from_str::<Given>(body).ok().and_then(|given| Ticket::new(&given.ticket));
    Ok(match (answer, given) {
        (CvsAnswer::Done, Some(ticket)) => CvsAnswer::Ticket(ticket),
        (answer, _) => answer,
    })
}

fn phone_number(body: &str) -> Result<CvsAnswer, TransportError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Known {
        phone_number: String,
    }
    match serde_json::from_str::<Known>(body) {
        Ok(known) => Ok(CvsAnswer::PhoneNumber(known.phone_number)),
        Err(_) => Err(TransportError::Unusable("it is not the JSON of a phone number".into())),
    }
}

/// Reads the list of the account's devices.
pub fn read_devices(body: &str) -> Result<CvsAnswer, TransportError> {
    #[derive(Deserialize)]
    struct List {
        devices: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        id: String,
        name: String,
        since: i64,
        used: Option<i64>,
        keystore: Option<String>,
    }
    let is_id = |id: &str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    match serde_json::from_str::<List>(body) {
        Ok(List { devices }) if devices.iter().all(|device| is_id(&device.id)) => {
            let entry = |Entry { id, name, since, used, keystore }| {
                let keystore = keystore.as_deref().and_then(Keystore::parse);
                DeviceEntry { id, name, since, used, keystore, is_self: false }
            };
            Ok(CvsAnswer::Devices(devices.into_iter().map(entry).collect()))
        }
        _ => Err(TransportError::Unusable("it is not the JSON of a list of devices".into())),
    }
}

/// Returns whether a status refuses a request as it is, so that nothing behind the server that
/// gives it got the request. A gateway may give any other status also for the service's answer: 403
/// after a look at it, 408 while it waits.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 404 | 405 | 407 | 411 | 413 | 414 | 415 | 421 | 426 | 429 | 431)
}

/// Returns the failure that a status means.
fn refused(status: StatusCode, retry_after_seconds: Option<u64>) -> TransportError {
    let status_text = |more: &str| format!("HTTP {}{more}", status.as_u16());
    let error = match status {
        status if status == StatusCode::TOO_MANY_REQUESTS => {
            TransportError::Server { what: status_text(": too many requests"), retry_after_seconds }
        }
        status if is_busy(status) => TransportError::Server { what: status_text(""), retry_after_seconds },
        status if status.is_redirection() => TransportError::Unusable(status_text(": redirects are not followed")),
        _ => TransportError::Unusable(status_text("")),
    };
    if is_refusal(status) { not_served(error) } else { error }
}

fn not_served(error: TransportError) -> TransportError {
    TransportError::NotServed(Box::new(error))
}

fn not_connected(why: impl Into<String>) -> TransportError {
    not_served(TransportError::Unreachable(why.into()))
}

/// Returns the failure in the library's own words, without the URL.
fn failed(error: ureq::Error) -> TransportError {
    use ureq::Error;
    match error {
        Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => TransportError::Timeout(TimeLimit::Connect),
        Error::Timeout(_) => TransportError::Timeout(TimeLimit::Request),
        Error::HostNotFound => not_connected("there is no such host"),
        Error::ConnectionFailed => not_connected("no connection"),
        Error::Io(error) => of_io(error.kind()),
        Error::BodyExceedsLimit(_) => TransportError::Unusable("it is longer than 256 KiB".into()),
        Error::Other(inner) => match inner.downcast::<NotConnected>() {
            Ok(unsent) => match failed(unsent.0) {
                error if error.may_be_done() => not_served(error),
                error => error,
            },
            Err(inner) => match inner.downcast_ref::<Untrusted>() {
                Some(Untrusted::Pin) => TransportError::Pin,
                Some(why) => TransportError::Untrusted(why.to_string()),
                None => TransportError::Unreachable("the request could not be made".into()),
            },
        },
        Error::ConnectProxyFailed(answer) => not_connected(match proxy::status(&answer) {
            Some(status) => format!("the proxy made no connection: HTTP {status}"),
            None => "the proxy made no connection".into(),
        }),
        Error::Protocol(_) | Error::Http(_) | Error::LargeResponseHeader(..) => {
            TransportError::Unusable("it is not HTTP".into())
        }
        _ => TransportError::Unreachable("the request could not be made".into()),
    }
}

fn of_io(kind: io::ErrorKind) -> TransportError {
    use io::ErrorKind;
    let why = match kind {
        ErrorKind::TimedOut => return TransportError::Timeout(TimeLimit::System),
        ErrorKind::ConnectionRefused => return not_connected("connection refused"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => "connection reset",
        ErrorKind::UnexpectedEof => "the connection ended early",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "there is no route to the host",
        ErrorKind::NetworkDown => "the network is down",
        ErrorKind::AddrNotAvailable => "this system has no address or port for the connection",
        ErrorKind::PermissionDenied => "this system permits no such connection",
        _ => "the connection failed",
    };
    TransportError::Unreachable(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cvs_is_at_the_host_of_the_service_unless_it_is_named() {
        assert_eq!(origin("http://localhost:1/a/b"), "http://localhost:1");
        assert_eq!(origin("https://host"), "https://host");
    }

    #[test]
    fn a_challenge_for_a_fresh_login_is_distinguished_from_a_refused_token() {
        let of = |challenges: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for challenge in challenges {
                headers.append("WWW-Authenticate", ureq::http::HeaderValue::from_static(challenge));
            }
            unauthorized(&headers)
        };
        const STEP_UP: &str = r#"Bearer error="insufficient_user_authentication", acr_values="gold", max_age="300""#;
        assert_eq!(of(&[STEP_UP]), LOGIN_WANTED);
        assert_eq!(of(&["Basic realm=\"x\"", STEP_UP]), LOGIN_WANTED);
        for other in [&[][..], &["Bearer"], &[r#"Bearer error="invalid_token""#]] {
            assert_eq!(of(other), TOKEN_REFUSED, "{other:?}");
        }
    }

    #[test]
    fn a_list_of_devices_is_read_and_nothing_else_is() {
        let body = r#"{"devices":[{"id":"0a1b2c3d","name":"é","since":1,"used":2,"keystore":"hardware"},
            {"id":"ffffffff","name":"","since":3,"used":null,"keystore":"tee","more":[]}],"more":1}"#;
        let CvsAnswer::Devices(found) = read_devices(body).unwrap() else { panic!("no devices") };
        assert_eq!((found[0].used, found[0].keystore), (Some(2), Some(Keystore::Hardware)));
        assert_eq!((found[1].used, found[1].keystore, found[1].is_self), (None, None, false));
        assert_eq!(read_devices(r#"{"devices":[]}"#).unwrap(), CvsAnswer::Devices(Vec::new()));
        for bad in [
            "",
            "{}",
            r#"{"devices":[{"id":"","name":"","since":1}]}"#,
            r#"{"devices":[{"id":"a b","name":"","since":1}]}"#,
            r#"{"devices":[{"id":"0a1b2c3d","name":""}]}"#,
            r#"{"devices":[{"id":"0a1b2c3d","name":"","since":"1"}]}"#,
            r#"{"err":"NOK:NODEVICE"}"#,
        ] {
            assert!(read_devices(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_url() {
        assert_eq!(device_path("0a1b-2C_3d"), "devices/0a1b-2C_3d");
        assert_eq!(device_path("../?#%a;"), "devices/%2E%2E%2F%3F%23%25a%3B");
    }

    #[test]
    fn an_error_of_cvs_becomes_a_refusal() {
        let refusal_of = |text: &str| serde_json::from_str::<CvsError>(text).unwrap().refusal(Some(9));
        assert_eq!(refusal_of(r#"{"err":"NOK:NOPHONE"}"#), CvsRefusal::NoPhoneNumber);
        assert_eq!(refusal_of(r#"{"err":"NOK:OTHERNUMBER"}"#), CvsRefusal::OtherNumber);
        assert_eq!(refusal_of(r#"{"err":"NOK:CODE","attemptsLeft":0,"reason":"noCode"}"#), CvsRefusal::NoCode);
        assert_eq!(
            refusal_of(r#"{"err":"NOK:TOOMANYCODES"}"#),
            CvsRefusal::TooManyCodes { retry_after_seconds: Some(9) }
        );
        assert_eq!(refusal_of(r#"{"err":"NOK:NOSMS"}"#), CvsRefusal::SmsNotSent);
        assert_eq!(refusal_of(r#"{"err":"NOK:DEVICEID"}"#), CvsRefusal::NoSuchDevice);
        let wrong = CvsRefusal::Word { word: Word::Code, attempts_left: Some(2) };
        assert_eq!(refusal_of(r#"{"err":"NOK:CODE","attemptsLeft":2}"#), wrong);
        assert_eq!(read_done("", None).unwrap(), CvsAnswer::Done);
        let ticket = CvsAnswer::Ticket(Ticket::new("a-_9").unwrap());
        assert_eq!(code_sent(r#"{"ticket":"a-_9"}"#, None).unwrap(), ticket);
        for none in ["", "{}", r#"{"ticket":""}"#, r#"{"ticket":"a b"}"#, r#"{"ticket":1}"#] {
            assert_eq!(code_sent(none, None).unwrap(), CvsAnswer::Done, "{none}");
        }
        assert!(matches!(code_sent(r#"{"err":"NOK:NOSMS","ticket":"a"}"#, None).unwrap(), CvsAnswer::Refused(_)));
        for done in [" {} ", r#"{"err":"OK"}"#, r#"{"err":"WRN:SRVLIMITED"}"#] {
            assert_eq!(read_done(done, None).unwrap(), CvsAnswer::Done, "{done}");
        }
        for page in ["<html>please log in", "{\"err\":\"NOK", "[]", "\"OK\"", "null"] {
            assert!(matches!(read_done(page, None), Err(TransportError::Unusable(_))), "{page}");
        }
    }
}

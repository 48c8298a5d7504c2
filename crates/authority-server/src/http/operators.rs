//! The checks before an operator's route: the request's site, the operator, the operator's role,
//! and the form of the request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use serde_json::json;

use super::Peer;
use super::listener::PeerCertificate;
use super::reply::ApiError;
use crate::config::{Operator, Role};
use crate::identity::bearer;
use crate::rates;
use crate::service::Service;
use authority::Actor;

/// Delay of the answer to a wrong token, after too many wrong ones.
const DELAY: Duration = Duration::from_secs(1);

/// A header for programs that send a DELETE without a content type. A form of another site cannot
/// set it, and a script of another site only after a preflight request, which the service does not
/// allow.
static OPERATOR_HEADER: HeaderName = HeaderName::from_static("x-pims-operator");

/// The guard of the operators' listener.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) service: Arc<Service>,
    /// The operators. If there are none, each client with a certificate that the listener trusts is
    /// an operator with all roles.
    pub(crate) operators: Arc<[Operator]>,
    /// The listener uses TLS.
    pub(crate) tls: bool,
    /// Unblocking and removals need a second operator.
    pub(crate) four_eyes: bool,
}

/// The operator of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KnownOperator {
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
}

impl KnownOperator {
    /// Returns the operator in the form in which the audit trail names it.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Operator(self.name.clone())
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

impl Guard {
    /// Returns the operator whose token and certificate are presented. If both are configured, it
    /// needs both.
    pub(crate) fn identify(
        &self,
        presented: Option<&str>,
        certificate: Option<PeerCertificate>,
    ) -> Option<KnownOperator> {
        if self.operators.is_empty() {
            // The listener required a certificate and trusts its issuer.
            return certificate.map(KnownOperator::of_certificate);
        }
        // All operators are compared, so that the running time does not tell which one matches.
        let mut found = None;
        for operator in self.operators.iter() {
            let token =
                operator.token.as_ref().is_none_or(|token| presented.is_some_and(|presented| token.matches(presented)));
            let fits = operator.certificate.is_none_or(|required| certificate == Some(PeerCertificate(required)));
            if token && fits {
                found = Some(operator);
            }
        }
        found.map(KnownOperator::from)
    }

    /// Returns the operator that signed in earlier under this name, as the configuration knows it
    /// now. `None`: it is gone, or the connection does not show its certificate.
    pub(crate) fn signed_in(&self, name: &str, certificate: Option<PeerCertificate>) -> Option<KnownOperator> {
        signed_in(&self.operators, name, certificate)
    }

    /// Makes an unknown caller wait, after too many of them in a minute, from an address or from
    /// all. Only the connection waits: the delay holds no permit for the database.
    pub(crate) async fn delay_unknown(&self, address: Option<IpAddr>) {
        let (service, now) = (&self.service, Instant::now());
        let rate = &service.rates.unknown_operators_of_address;
        let of_address = address.map_or(Ok(()), |address| rate.try_acquire(rates::network(address), now));
        let of_all = service.rates.unknown_operators.try_acquire((), now);
        service.metrics.operator_refused("token");
        if of_address.is_err() || of_all.is_err() {
            service.metrics.limited("operators");
            tokio::time::sleep(DELAY).await;
        }
    }

    /// Returns an error if an operator lacks a role, and records that in the audit trail. The
    /// status is 403, or 503 if it could not be recorded.
    pub(crate) async fn require(
        &self,
        known: &KnownOperator,
        role: Role,
        address: Option<IpAddr>,
    ) -> Result<(), StatusCode> {
        if known.has(role) {
            return Ok(());
        }
        tracing::warn!(operator = known.name, role = role.as_str(), "an operator lacks the role for the request");
        Err(self.refuse(known, "role", address).await)
    }

    /// Refuses an operator's request, and records that in the audit trail and the metrics. Returns
    /// the status: 403, or 503 if it could not be recorded.
    async fn refuse(&self, known: &KnownOperator, reason: &'static str, address: Option<IpAddr>) -> StatusCode {
        let actor = known.actor();
        let recorded =
            self.service.step(move |authority| authority.acting_as(&actor, address).audit_refused_operator()).await;
        if recorded.is_err() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        self.service.metrics.operator_refused(reason);
        StatusCode::FORBIDDEN
    }
}

impl KnownOperator {
    /// Returns the operator that has no name in the configuration.
    fn of_certificate(PeerCertificate(fingerprint): PeerCertificate) -> Self {
        Self { name: format!("sha256:{}", inwebo::values::hex::encode(&fingerprint)), roles: Role::ALL.to_vec() }
    }
}

impl From<&Operator> for KnownOperator {
    fn from(operator: &Operator) -> Self {
        Self { name: operator.name.clone(), roles: operator.roles.clone() }
    }
}

fn signed_in(operators: &[Operator], name: &str, certificate: Option<PeerCertificate>) -> Option<KnownOperator> {
    if operators.is_empty() {
        return certificate.map(KnownOperator::of_certificate).filter(|known| known.name == name);
    }
    let operator = operators.iter().find(|operator| operator.name == name)?;
    let fits = operator.certificate.is_none_or(|required| certificate == Some(PeerCertificate(required)));
    fits.then(|| operator.into())
}

/// Refuses requests that another site makes a browser send. Programs pass: they send none of these
/// headers.
pub(crate) async fn same_site(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || is_same_site(request.headers(), guard.tls) {
        return next.run(request).await;
    }
    tracing::warn!("a cross-site request was refused");
    refused(&guard.service, "cross_site", StatusCode::FORBIDDEN, "NOK:CROSSSITE")
}

/// Returns whether no header of a request says that another site made a browser send it.
pub(crate) fn is_same_site(headers: &HeaderMap, tls: bool) -> bool {
    let site = headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin" || site == "none");
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => {
            let mut hosts = headers.get_all(header::HOST).iter();
            let host = match (hosts.next(), hosts.next()) {
                (Some(host), None) => host.to_str().ok(),
                _ => None,
            };
            let scheme = if tls { "https" } else { "http" };
            let ours = host.map(|host| format!("{scheme}://{host}"));
            ours.is_some_and(|ours| origin.to_str().is_ok_and(|origin| origin.eq_ignore_ascii_case(&ours)))
        }
        (Some(_), Some(_)) => false,
    };
    site && origin
}

/// Finds the operator of a request.
pub(crate) async fn authenticate(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let certificate = request.extensions().get::<PeerCertificate>().copied();
    let Some(known) = guard.identify(bearer(request.headers()), certificate) else {
        guard.delay_unknown(address(&request)).await;
        return ApiError::Unauthorized.into_response();
    };
    request.extensions_mut().insert(known);
    next.run(request).await
}

fn address(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<Peer>().map(|Peer(address)| *address)
}

/// The requirement of a route.
#[derive(Clone, Copy)]
pub(crate) enum Needs {
    Role(Role),
    /// The role, and by [`Guard::four_eyes`] a second operator. This API knows one, so it refuses
    /// the request then.
    SecondOperator(Role),
}

/// Returns routes that need a role. A request that changes something must have a form that no HTML
/// form of another site can have.
pub(crate) fn require(guard: &Guard, needs: Needs, routes: MethodRouter<Arc<Service>>) -> MethodRouter<Arc<Service>> {
    routes.route_layer(from_fn_with_state((guard.clone(), needs), authorize))
}

async fn authorize(State((guard, needs)): State<(Guard, Needs)>, request: Request, next: Next) -> Response {
    let Some(known) = request.extensions().get::<KnownOperator>().cloned() else {
        return ApiError::Unauthorized.into_response();
    };
    let (Needs::Role(role) | Needs::SecondOperator(role)) = needs;
    let address = address(&request);
    if let Err(status) = guard.require(&known, role, address).await {
        return forbidden(status, "NOK:ROLE");
    }
    if !has_safe_form(request.method(), request.headers()) {
        return refused(&guard.service, "type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "NOK:TYPE");
    }
    if guard.four_eyes && matches!(needs, Needs::SecondOperator(_)) {
        tracing::warn!(operator = known.name, "a request that needs a second operator was refused");
        return forbidden(guard.refuse(&known, "four_eyes", address).await, "NOK:FOUREYES");
    }
    next.run(request).await
}

/// Returns the response to a refused operator.
fn forbidden(status: StatusCode, word: &str) -> Response {
    match status {
        StatusCode::FORBIDDEN => (status, Json(json!({"err": word}))).into_response(),
        _ => ApiError::Failed.into_response(),
    }
}

/// Returns whether a request that changes something is declared as JSON, even without a body. A
/// DELETE may carry the operators' header instead.
fn has_safe_form(method: &Method, headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let json = match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind.to_str().is_ok_and(|kind| {
            let essence = kind.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/json")
        }),
        _ => false,
    };
    match *method {
        Method::GET | Method::HEAD => true,
        Method::DELETE => json || headers.get(&OPERATOR_HEADER).is_some_and(|value| value == "1"),
        _ => json,
    }
}

fn refused(service: &Service, reason: &'static str, status: StatusCode, word: &str) -> Response {
    service.metrics.operator_refused(reason);
    (status, Json(json!({"err": word}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_request_is_of_this_site_if_no_header_contradicts() {
        let host = ("host", "admin.example:8444");
        for (tls, good) in [
            (true, &[host][..]),
            (true, &[host, ("origin", "https://admin.example:8444")]),
            (true, &[host, ("origin", "https://ADMIN.example:8444"), ("sec-fetch-site", "same-origin")]),
            (false, &[host, ("origin", "http://admin.example:8444"), ("sec-fetch-site", "none")]),
        ] {
            assert!(is_same_site(&headers(good), tls), "{good:?}");
        }
        for bad in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[host, ("origin", "null")],
            &[host, ("origin", "https://evil.example")],
            &[host, ("origin", "http://admin.example:8444")],
            &[host, ("origin", "https://admin.example")],
            &[host, ("origin", "https://admin.example:8444"), ("origin", "https://admin.example:8444")],
            &[host, host, ("origin", "https://admin.example:8444")],
            &[("origin", "https://admin.example:8444")],
        ] {
            assert!(!is_same_site(&headers(bad), true), "{bad:?}");
        }
    }

    #[test]
    fn a_change_says_that_it_is_json() {
        let json = headers(&[("content-type", "application/json; charset=utf-8")]);
        let form = headers(&[("content-type", "application/x-www-form-urlencoded")]);
        let two = headers(&[("content-type", "application/json"), ("content-type", "text/plain")]);
        let operator = headers(&[("x-pims-operator", "1")]);
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            assert!(has_safe_form(&method, &json));
            for bad in [&form, &two, &operator, &HeaderMap::new()] {
                assert!(!has_safe_form(&method, bad), "{method} {bad:?}");
            }
        }
        assert!(has_safe_form(&Method::DELETE, &json) && has_safe_form(&Method::DELETE, &operator));
        assert!(!has_safe_form(&Method::DELETE, &form) && !has_safe_form(&Method::DELETE, &HeaderMap::new()));
        assert!(has_safe_form(&Method::GET, &HeaderMap::new()));
    }

    #[test]
    fn a_session_has_the_roles_that_its_operator_has_now() {
        let operator = |name: &str, certificate: Option<[u8; 32]>| Operator {
            name: name.to_owned(),
            token: None,
            token_changed: None,
            certificate,
            roles: vec![Role::Read],
        };
        let operators = [operator("a", None), operator("b", Some([7; 32]))];
        let roles = |name: &str, certificate: Option<[u8; 32]>| {
            signed_in(&operators, name, certificate.map(PeerCertificate)).map(|known| known.roles)
        };
        assert_eq!(roles("a", None), Some(vec![Role::Read]));
        assert_eq!(roles("b", Some([7; 32])), Some(vec![Role::Read]));
        assert_eq!((roles("b", None), roles("b", Some([8; 32])), roles("gone", None)), (None, None, None));
        // Without named operators the certificate is the operator.
        let name = format!("sha256:{}", "07".repeat(32));
        let known = |certificate| signed_in(&[], &name, certificate).is_some();
        assert!(known(Some(PeerCertificate([7; 32]))));
        assert!(!known(Some(PeerCertificate([8; 32]))) && !known(None));
    }
}

//! The pages of the exchanges: each request with its answer, and each of their values explained.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::exchanges::{Exchange, MAX_BYTES};
use super::{Answer, Session, Shared};
use crate::console::form::Fields;
use crate::console::moment::Moment;
use crate::console::page::{Frame, html};
use crate::console::texts::{Sentence, Texts};

/// The names of values in a request or an answer, each with its explanation.
type Explained = &'static [(&'static str, &'static str)];

/// The parameters of the exchange with devices.
static EXCHANGE: Explained = &[
    ("action", "field-action"),
    ("mode", "field-mode"),
    ("id", "field-id"),
    ("lastsync", "field-lastsync"),
    ("version", "field-version"),
    ("macid", "field-macid"),
    ("lang", "field-lang"),
    ("ack", "field-ack"),
    ("code", "field-code"),
    ("ticket", "field-ticket"),
    ("phone", "field-phone"),
    ("serial", "field-serial"),
    ("Kma", "field-kma"),
    ("nKma", "field-kma"),
    ("pin", "field-pin"),
    ("newpin", "field-newpin"),
    ("name", "field-name"),
    ("keystore", "field-keystore"),
    ("R0", "field-r0"),
    ("R1", "field-r1"),
    ("R2", "field-r2"),
    ("keytype", "field-keytype"),
    ("sid", "field-sid"),
    ("ms_id0", "field-ms-id"),
    ("ms_val0", "field-ms-val"),
    ("ms_n", "field-ms-n"),
    ("device", "field-device"),
    ("number", "field-number"),
    ("reject", "field-reject"),
    ("confirm", "field-confirm"),
    ("fingerprint", "field-fingerprint"),
    ("after", "field-after"),
];

/// The elements of its answers.
static EXCHANGE_ANSWER: Explained = &[
    ("err", "field-err"),
    ("challenge", "field-challenge"),
    ("Kiw", "field-kiw"),
    ("Kfact", "field-kfact"),
    ("pinmode", "field-pinmode"),
    ("lifetime", "field-lifetime"),
    ("id", "field-id"),
    ("K0", "field-k0"),
    ("K1", "field-k1"),
    ("Tsync", "field-tsync"),
    ("s_n", "field-s-n"),
    ("s_id", "field-s-id"),
    ("s_name", "field-s-name"),
    ("ms_n", "field-ms-n"),
    ("ms_id", "field-ms-id"),
    ("ms_key", "field-ms-key"),
    ("defi", "field-defi"),
    ("dK1", "field-dk1"),
    ("J", "field-j"),
    ("confirmed", "field-confirmed"),
    ("approval", "field-approval"),
    ("state", "field-state"),
    ("code", "field-enrollment-code"),
    ("fingerprint", "field-fingerprint"),
    ("self", "field-self"),
    ("device", "field-device"),
    ("name", "field-name"),
    ("since", "field-since"),
    ("used", "field-used"),
    ("keystore", "field-keystore"),
    ("number", "field-notice-number"),
    ("event", "field-event"),
    ("at", "field-at"),
    ("more", "field-more"),
    ("attemptsLeft", "field-attempts-left"),
    ("wrongPins", "field-wrong-pins"),
    ("lastUsed", "field-last-used"),
    ("reason", "field-reason"),
    ("retryAfterSeconds", "field-retry-after"),
    ("blockedUntil", "field-blocked-until"),
];

/// The query parameters of the other paths.
static OTHER_QUERY: Explained = &[
    ("client_id", "field-client-id"),
    ("locale", "field-lang"),
    ("action", "field-fs-action"),
    ("serviceId", "field-service-id"),
    ("userId", "field-user-id"),
    ("token", "field-otp"),
    ("format", "field-format"),
];

/// The members of JSON in requests and answers.
static JSON: Explained = &[
    ("type", "field-type"),
    ("phoneNumber", "field-phone"),
    ("smsCode", "field-code"),
    ("ticket", "field-ticket"),
    ("name", "field-name"),
    ("err", "field-err"),
    ("attemptsLeft", "field-attempts-left"),
    ("reason", "field-reason"),
    ("detail", "field-detail"),
    ("devices[].id", "field-device"),
    ("devices[].name", "field-name"),
    ("devices[].since", "field-since"),
    ("devices[].used", "field-used"),
    ("devices[].keystore", "field-keystore"),
    ("[].customer", "field-customer"),
    ("grant_type", "field-grant-type"),
    ("password", "field-otp"),
    ("refresh_token", "field-refresh-token"),
    ("access_token", "field-access-token"),
    ("token_type", "field-token-type"),
    ("expires_in", "field-expires-in"),
    ("error", "field-oauth-error"),
    ("keys[].kty", "field-jwk"),
    ("keys[].crv", "field-jwk"),
    ("keys[].x", "field-jwk"),
    ("keys[].y", "field-jwk"),
    ("keys[].kid", "field-jwk"),
    ("keys[].alg", "field-jwk"),
    ("keys[].use", "field-jwk"),
];

/// The headers that are kept.
static HEADERS: Explained = &[
    ("authorization", "field-authorization"),
    ("accept", "field-accept"),
    ("accept-language", "field-accept-language"),
    ("content-type", "field-content-type"),
    ("user-agent", "field-user-agent"),
    ("x-introspect-realm", "field-realm"),
    ("retry-after", "field-retry-after"),
    ("www-authenticate", "field-www-authenticate"),
];

/// A value of a request or an answer.
struct Field {
    name: String,
    value: Zeroizing<String>,
    explanation: Option<String>,
}

/// Fields of one kind, with the message that is their title.
struct Group {
    title: &'static str,
    fields: Vec<Field>,
}

#[derive(Template)]
#[template(path = "development/exchanges.html")]
struct ExchangesPage {
    frame: Frame,
    exchanges: Vec<Arc<Exchange>>,
    now: i64,
}

#[derive(Template)]
#[template(path = "development/exchange.html")]
struct ExchangePage {
    frame: Frame,
    exchange: Arc<Exchange>,
    groups: Vec<Group>,
    now: i64,
}

impl ExchangesPage {
    fn at(&self, exchange: &Exchange) -> Moment {
        Moment { at: exchange.at, now: self.now }
    }
}

impl ExchangePage {
    fn at(&self) -> Moment {
        Moment { at: self.exchange.at, now: self.now }
    }

    fn max_kib(&self) -> usize {
        MAX_BYTES / 1024
    }
}

impl Exchange {
    fn shown_path(&self) -> Zeroizing<String> {
        text(&self.path)
    }

    /// Returns mode and step of a request of the exchange.
    fn operation(&self) -> String {
        let value = |name: &str| pairs(&self.query).into_iter().find(|(known, _)| known == name);
        let names = ["mode", "action"].map(|name| value(name).map(|(_, value)| value.to_string()));
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn millis(&self) -> u128 {
        self.duration.as_millis()
    }

    fn shown_body(&self) -> Zeroizing<String> {
        text(&self.body)
    }

    fn shown_answer(&self) -> Zeroizing<String> {
        text(&self.answer)
    }

    /// Returns all values with their explanations.
    fn groups(&self, t: Texts) -> Vec<Group> {
        let is_exchange = self.path.as_slice() == b"/iwws/MAC";
        let (parameters, answers) = if is_exchange { (EXCHANGE, EXCHANGE_ANSWER) } else { (OTHER_QUERY, JSON) };
        let explain = |pairs: Vec<(String, Zeroizing<String>)>, explained: Explained| -> Vec<Field> {
            let field = |(name, value): (String, _)| {
                let found = explained.iter().find(|(known, _)| *known == field_name(&name, is_exchange));
                Field { explanation: found.map(|(_, id)| t.get(id)), name, value }
            };
            pairs.into_iter().map(field).collect()
        };
        let groups = [
            ("exchange-query", explain(pairs(&self.query), parameters)),
            ("exchange-headers", explain(headers(&self.headers), HEADERS)),
            ("exchange-body", explain(members(&self.body), JSON)),
            ("exchange-answer-headers", explain(headers(&self.answer_headers), HEADERS)),
            ("exchange-answer", explain(values(&self.answer), answers)),
        ];
        let groups = groups.into_iter().filter(|(_, fields)| !fields.is_empty());
        groups.map(|(title, fields)| Group { title, fields }).collect()
    }
}

/// Returns the name under which a value is explained: that of an XML element without its parents.
fn field_name(name: &str, is_exchange: bool) -> &str {
    if is_exchange { name.rsplit('/').next().unwrap_or(name) } else { name }
}

fn text(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
}

fn pairs(query: &[u8]) -> Vec<(String, Zeroizing<String>)> {
    let pairs = form_urlencoded::parse(query);
    pairs.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned()))).collect()
}

fn headers(headers: &[(HeaderName, Zeroizing<Vec<u8>>)]) -> Vec<(String, Zeroizing<String>)> {
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// Returns the values in a body: of JSON, or of the XML of the exchange.
fn values(body: &[u8]) -> Vec<(String, Zeroizing<String>)> {
    if body.starts_with(b"<?xml") { elements(&text(body)) } else { members(body) }
}

/// Returns the members of JSON, with their paths as names.
fn members(body: &[u8]) -> Vec<(String, Zeroizing<String>)> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice(body) {
        collect(&value, String::new(), &mut found);
    }
    found
}

fn collect(value: &Value, path: String, found: &mut Vec<(String, Zeroizing<String>)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let dot = if path.is_empty() { "" } else { "." };
                collect(value, format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, format!("{path}[]"), found)),
        Value::String(text) => found.push((path, Zeroizing::new(text.clone()))),
        other => found.push((path, Zeroizing::new(other.to_string()))),
    }
}

/// Returns the elements of an answer that hold text, with their parents below the root in their
/// names. The answer is one that the service itself wrote.
fn elements(xml: &str) -> Vec<(String, Zeroizing<String>)> {
    let (mut found, mut open): (Vec<_>, Vec<&str>) = (Vec::new(), Vec::new());
    for part in xml.split('<').skip(1) {
        let Some((tag, text)) = part.split_once('>') else { continue };
        if tag.starts_with('?') {
            continue;
        }
        if tag.starts_with('/') {
            open.pop();
            continue;
        }
        open.push(tag);
        let name = open.get(1..).unwrap_or_default().join("/");
        if !name.is_empty() && !text.is_empty() {
            found.push((name, unescaped(text)));
        }
    }
    found
}

fn unescaped(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(text.to_owned());
    for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
        if plain.contains(entity) {
            *plain = plain.replace(entity, character);
        }
    }
    plain
}

pub(super) async fn list(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    Fields::of_query(raw.as_deref(), &[])?;
    let frame = console.frame(&session, &headers, Sentence::new("exchanges-title"), "exchanges");
    let exchanges = console.tools.exchanges.all();
    Ok(html(StatusCode::OK, &ExchangesPage { frame, exchanges, now: console.now() }))
}

pub(super) async fn show(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let fields = Fields::of_query(raw.as_deref(), &["id"])?;
    let id: u64 = fields.get("id").and_then(|id| id.parse().ok()).ok_or(StatusCode::BAD_REQUEST)?;
    let exchange = console.tools.exchanges.find(id).ok_or(StatusCode::NOT_FOUND)?;
    let title = Sentence::new("exchange-title").with("number", id.to_string());
    let frame = console.frame(&session, &headers, title, format!("exchange?id={id}"));
    let groups = exchange.groups(frame.t);
    Ok(html(StatusCode::OK, &ExchangePage { frame, exchange, groups, now: console.now() }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plain(values: &[(String, Zeroizing<String>)]) -> Vec<(&str, &str)> {
        values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn each_explanation_has_words() {
        for t in Texts::languages().map(|(code, _)| Texts::named(code).unwrap()) {
            for (name, id) in [EXCHANGE, EXCHANGE_ANSWER, OTHER_QUERY, JSON, HEADERS].concat() {
                assert!(t.has(id), "{name}: {id}");
            }
        }
    }

    #[test]
    fn the_values_of_an_answer_are_found() {
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ActionFinalize><err>OK</err><device><id>a0</id>\
                   <name>&lt;b&gt; &amp;lt;</name></device><ack></ack><more>1</more></ActionFinalize>";
        let expected = [("err", "OK"), ("device/id", "a0"), ("device/name", "<b> &lt;"), ("more", "1")];
        assert_eq!(plain(&values(xml.as_bytes())), expected);
        let json = br#"{"devices":[{"id":"a","since":1}],"err":null}"#;
        assert_eq!(plain(&values(json)), [("devices[].id", "a"), ("devices[].since", "1"), ("err", "null")]);
        for other in [&b"<html><p>x"[..], b"", b"\xff", b"<?xml", b"<?xml><<>", b"[1,"] {
            let _ = values(other);
        }
    }
}

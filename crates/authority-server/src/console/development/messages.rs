//! The page of the inbox, and the switch of the SMS gateway.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::gateway::Failing;
use super::inbox::{MAX, Message};
use super::{Answer, Session, Shared, form};
use crate::console::form::Fields;
use crate::console::moment::Moment;
use crate::console::page::{Frame, html};
use crate::console::texts::{Sentence, Texts};

#[derive(Template)]
#[template(path = "development/inbox.html")]
struct InboxPage {
    frame: Frame,
    messages: Vec<Arc<Message>>,
    now: i64,
    failing: Failing,
}

impl InboxPage {
    /// Returns the newest message that has a code.
    fn newest(&self) -> Option<&Message> {
        self.messages.iter().find(|message| !message.code.is_empty()).map(|message| &**message)
    }

    fn purpose(&self, message: &Message) -> String {
        purpose(self.frame.t, &message.purpose)
    }

    fn max(&self) -> usize {
        MAX
    }

    fn newest_id(&self) -> u64 {
        self.messages.first().map_or(0, |message| message.id)
    }

    fn moment(&self, message: &Message) -> Moment {
        Moment { at: message.at, now: self.now }
    }

    fn switches(&self) -> [(&'static str, &'static str, bool); 3] {
        Failing::ALL.map(|failing| (failing.as_str(), name_of(failing), failing == self.failing))
    }
}

/// Returns the message with the name of a setting of the gateway.
fn name_of(failing: Failing) -> &'static str {
    match failing {
        Failing::Never => "gateway-never",
        Failing::Next => "gateway-next",
        Failing::Every => "gateway-every",
    }
}

/// Returns the purpose of a message in words.
pub(super) fn purpose(t: Texts, name: &str) -> String {
    match name {
        "enrollment" => t.get("sms-purpose-enrollment"),
        "phoneNumberCertification" => t.get("sms-purpose-certification"),
        "resetPIN" => t.get("sms-purpose-reset"),
        "newDevice" => t.get("sms-purpose-new-device"),
        "reset" => t.get("sms-purpose-pin-reset"),
        "pinChange" => t.get("sms-purpose-pin-change"),
        "block" => t.get("sms-purpose-block"),
        "phoneNumber" => t.get("sms-purpose-phone-number"),
        // A line of another release.
        other => other.to_owned(),
    }
}

pub(super) async fn inbox(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    Fields::of_query(raw.as_deref(), &[])?;
    let page = InboxPage {
        frame: console.frame(&session, &headers, Sentence::new("inbox-title"), ""),
        messages: console.tools.inbox.all(),
        now: console.now(),
        failing: console.tools.gateway.get(),
    };
    Ok(html(StatusCode::OK, &page))
}

/// Lets the gateway fail, or work again.
pub(super) async fn set_gateway(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = form(&session, &headers, &body, &["fail"])?;
    let failing = fields.get("fail").and_then(Failing::parse).ok_or(StatusCode::BAD_REQUEST)?;
    console.tools.gateway.set(failing);
    let told = match failing {
        Failing::Never => Sentence::new("gateway-told-never"),
        Failing::Next => Sentence::new("gateway-told-next"),
        Failing::Every => Sentence::new("gateway-told-every"),
    };
    Ok(console.told(&session, told, ""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use authority::{Notice, Purpose};

    use super::*;

    #[test]
    fn each_purpose_has_words() {
        let purposes = [Purpose::Enrollment, Purpose::PhoneNumberCertification, Purpose::ResetPin];
        let names = purposes.map(Purpose::as_str).into_iter().chain(Notice::ALL.map(Notice::as_str));
        for (code, name) in Texts::languages().flat_map(|(code, _)| names.clone().map(move |name| (code, name))) {
            assert_ne!(purpose(Texts::named(code).unwrap(), name), name, "{code}");
        }
    }
}

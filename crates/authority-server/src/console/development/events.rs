//! The stream of SMS to a browser (server-sent events).

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream::unfold;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::inbox::{Message, Reader};
use super::messages::purpose;
use super::{Answer, Session, Shared};
use crate::console::form::Fields;
use crate::console::moment::Moment;
use crate::console::page::texts;
use crate::console::texts::{Sentence, Texts};
use crate::http::is_same_site;

/// A stream to a browser. It has no timer of its own but the end of its session.
struct Stream {
    reader: Reader,
    /// The end of the service or of the session.
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    t: Texts,
    _permit: OwnedSemaphorePermit,
}

/// Streams the SMS after the one that the browser has seen last.
pub(super) async fn stream(
    State(console): Shared,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    // A site at another port could not read the stream, but could use all of them up.
    if !is_same_site(&headers, false) {
        return Err(StatusCode::FORBIDDEN);
    }
    let fields = Fields::of_query(raw.as_deref(), &["after"])?;
    // A browser that connects again by itself tells the last id in a header.
    let last = match headers.get("last-event-id") {
        Some(id) => Some(id.to_str().map_err(|_| StatusCode::BAD_REQUEST)?),
        None => fields.get("after"),
    };
    let last: u64 = last.map_or(Ok(0), str::parse).map_err(|_| StatusCode::BAD_REQUEST)?;
    let permit = console.streams.clone().try_acquire_owned().map_err(|_| {
        tracing::warn!("too many streams of the development console are open");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    let (reader, t, mut stop) = (console.tools.inbox.after(last), texts(&headers), console.stop.clone());
    let end = Box::pin(async move {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = console.sessions.ended(&session) => {}
        }
    });
    let stream = Stream { reader, end, t, _permit: permit };
    Ok(Sse::new(unfold(stream, next)).into_response())
}

async fn next(mut stream: Stream) -> Option<(Result<Event, Infallible>, Stream)> {
    let message = tokio::select! {
        biased;
        () = &mut stream.end => return None,
        message = stream.reader.next() => message,
    };
    let event = event(&message, stream.t);
    Some((Ok(event), stream))
}

fn event(message: &Message, t: Texts) -> Event {
    let Message { id, at, to, code, text, .. } = message;
    let (moment, purpose) = (Moment { at: *at, now: *at }, purpose(t, &message.purpose));
    let announcement =
        t.say(&Sentence::new("inbox-announcement").with("to", to.clone()).with("text", text.to_string()));
    let data = json!({
        "machine": moment.machine(), "exact": moment.exact(), "to": to, "purpose": purpose, "code": code.as_str(),
        "text": text.as_str(), "announcement": announcement,
    });
    Event::default().event("sms").id(id.to_string()).data(data.to_string())
}

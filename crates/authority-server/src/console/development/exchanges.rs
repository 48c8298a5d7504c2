//! The recorder of the public listener: keeps its last requests with their answers, secrets
//! included, and lets armed faults answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::Tools;
use super::faults::{self, Effect};
use crate::http::{Additions, Routes};
use authority::Clock;

/// The number of exchanges that are kept.
pub(super) const MAX: usize = 100;

/// The bytes of an exchange that are kept.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The headers that are kept, of requests and of answers.
const HEADERS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::USER_AGENT,
    HeaderName::from_static("x-introspect-realm"),
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
];

/// Headers with their values.
type Headers = Vec<(HeaderName, Zeroizing<Vec<u8>>)>;

/// A request and its answer. It holds secrets: no `Debug`.
pub(super) struct Exchange {
    /// Its number since the start, from 1.
    pub(super) id: u64,
    /// Its begin, in milliseconds since 1970 by the service's clock.
    pub(super) at: i64,
    pub(super) duration: Duration,
    pub(super) method: String,
    pub(super) path: Zeroizing<Vec<u8>>,
    pub(super) query: Zeroizing<Vec<u8>>,
    pub(super) headers: Headers,
    pub(super) body: Zeroizing<Vec<u8>>,
    /// `None`: the client got no answer.
    pub(super) status: Option<u16>,
    pub(super) answer_headers: Headers,
    pub(super) answer: Zeroizing<Vec<u8>>,
    /// The code of the fault that answered.
    pub(super) fault: Option<u16>,
    /// More bytes came than are kept.
    pub(super) is_cut: bool,
}

/// The last exchanges, the oldest first.
#[derive(Default)]
pub(crate) struct Exchanges(Mutex<(u64, VecDeque<Arc<Exchange>>)>);

impl Exchanges {
    fn push(&self, mut exchange: Exchange) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, exchanges) = &mut *state;
        *last += 1;
        exchange.id = *last;
        exchanges.push_back(Arc::new(exchange));
        if exchanges.len() > MAX {
            exchanges.pop_front();
        }
    }

    /// Returns the exchanges, the newest first.
    pub(super) fn all(&self) -> Vec<Arc<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.iter().rev().cloned().collect()
    }

    pub(super) fn find(&self, id: u64) -> Option<Arc<Exchange>> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.iter().find(|exchange| exchange.id == id).cloned()
    }
}

/// The recording of an exchange. It is kept when it is dropped: also if the client does not wait
/// for its answer.
struct Recording {
    tools: Arc<Tools>,
    began: Instant,
    left: usize,
    exchange: Option<Exchange>,
}

impl Recording {
    fn of(tools: &Arc<Tools>, request: &Request) -> Self {
        let exchange = Exchange {
            id: 0,
            at: tools.clock.now(),
            duration: Duration::ZERO,
            method: request.method().to_string(),
            path: Zeroizing::default(),
            query: Zeroizing::default(),
            headers: Vec::new(),
            body: Zeroizing::default(),
            status: None,
            answer_headers: Vec::new(),
            answer: Zeroizing::default(),
            fault: None,
            is_cut: false,
        };
        let mut recording =
            Self { tools: tools.clone(), began: Instant::now(), left: MAX_BYTES, exchange: Some(exchange) };
        recording.keep(request.uri().path().as_bytes(), |exchange| &mut exchange.path);
        recording.keep(request.uri().query().unwrap_or_default().as_bytes(), |exchange| &mut exchange.query);
        recording.keep_headers(request.headers(), |exchange| &mut exchange.headers);
        recording
    }

    /// Keeps bytes, as many as there is room for.
    fn keep(&mut self, bytes: &[u8], place: fn(&mut Exchange) -> &mut Zeroizing<Vec<u8>>) {
        let Some(exchange) = &mut self.exchange else { return };
        let kept = bytes.get(..self.left).unwrap_or(bytes);
        self.left -= kept.len();
        exchange.is_cut |= kept.len() < bytes.len();
        *place(exchange) = Zeroizing::new(kept.to_vec());
    }

    fn keep_headers(&mut self, headers: &HeaderMap, place: fn(&mut Exchange) -> &mut Headers) {
        for (name, value) in
            HEADERS.iter().flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)))
        {
            let Some(exchange) = &mut self.exchange else { return };
            if value.len() > self.left {
                exchange.is_cut = true;
                return;
            }
            self.left -= value.len();
            place(exchange).push((name.clone(), Zeroizing::new(value.as_bytes().to_vec())));
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Exchange)) {
        self.exchange.as_mut().map(change);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(mut exchange) = self.exchange.take() {
            exchange.duration = self.began.elapsed();
            self.tools.exchanges.push(exchange);
        }
    }
}

/// The recorder of a listener.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) tools: Arc<Tools>,
    /// True when the service ends.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Additions for Recorder {
    fn add_inside(&self, routes: Routes) -> Routes {
        routes.layer(from_fn_with_state(self.tools.clone(), inject))
    }

    fn add_outside(&self, routes: Routes) -> Routes {
        routes.layer(from_fn_with_state(self.clone(), record))
    }
}

/// The body of a request, which only the inner layer has.
#[derive(Clone, Default)]
struct Arrived(Arc<Mutex<Bytes>>);

/// The code of the fault that made an answer.
#[derive(Clone, Copy)]
struct Injected(u16);

/// Records a request and its answer. It is the outermost layer, so it also records the requests
/// that the layers below refuse.
async fn record(State(recorder): State<Recorder>, mut request: Request, next: Next) -> Response {
    let Recorder { tools, mut stop } = recorder;
    let mut recording = Recording::of(&tools, &request);
    if let Some(fault) = tools.faults.take_for_connection(&request) {
        recording.change(|exchange| exchange.fault = Some(fault.code));
        if matches!(fault.effect, Effect::Silence) {
            // Until the client gives up: then this is dropped.
            let _ = stop.wait_for(|stop| *stop).await;
        }
        return faults::closed();
    }
    let arrived = Arrived::default();
    request.extensions_mut().insert(arrived.clone());
    let response = next.run(request).await;
    recording.keep(&arrived.0.lock().unwrap_or_else(PoisonError::into_inner), |exchange| &mut exchange.body);
    let injected = response.extensions().get::<Injected>().map(|Injected(code)| *code);
    let (head, body) = response.into_parts();
    // Each answer of this listener is in memory already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    recording.keep_headers(&head.headers, |exchange| &mut exchange.answer_headers);
    recording.keep(&body, |exchange| &mut exchange.answer);
    recording.change(|exchange| (exchange.status, exchange.fault) = (Some(head.status.as_u16()), injected));
    Response::from_parts(head, Body::from(body))
}

/// Lets an armed fault answer in place of the route. It is the innermost layer: its answers get the
/// headers of real ones.
async fn inject(State(tools): State<Arc<Tools>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    // The layer above has read the body and limited it.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if let Some(Arrived(slot)) = head.extensions.get::<Arrived>() {
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = body.clone();
    }
    let request = Request::from_parts(head, Body::from(body));
    let Some(fault) = tools.faults.take_for_answer(&request) else { return next.run(request).await };
    let mut response = fault.answer(&request);
    response.extensions_mut().insert(Injected(fault.code));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn recorded(tools: &Arc<Tools>, body: &[u8], answer: &[u8]) -> Arc<Exchange> {
        let request =
            Request::builder().uri("/FS?a=b").header("authorization", "Bearer x").body(Body::empty()).unwrap();
        let mut recording = Recording::of(tools, &request);
        recording.keep(body, |exchange| &mut exchange.body);
        recording.keep(answer, |exchange| &mut exchange.answer);
        drop(recording);
        tools.exchanges.all()[0].clone()
    }

    #[test]
    fn an_exchange_keeps_its_first_bytes_and_says_that_more_came() {
        let tools = Arc::new(Tools::default());
        let small = recorded(&tools, b"{}", b"answer");
        assert_eq!((small.path.as_slice(), small.query.as_slice()), (&b"/FS"[..], &b"a=b"[..]));
        assert_eq!((small.body.as_slice(), small.answer.as_slice(), small.is_cut), (&b"{}"[..], &b"answer"[..], false));
        let large = recorded(&tools, &[b'x'; MAX_BYTES], b"answer");
        let kept =
            large.path.len() + large.query.len() + large.headers[0].1.len() + large.body.len() + large.answer.len();
        assert_eq!((kept, large.answer.len(), large.is_cut), (MAX_BYTES, 0, true));
        assert_eq!((small.id, large.id, large.status), (1, 2, None));
        assert!(tools.exchanges.find(2).is_some() && tools.exchanges.find(3).is_none());
    }
}

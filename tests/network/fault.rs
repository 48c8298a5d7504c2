//! Faults of an exchange, and their places in it.

/// A fault of a request or of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends before the request is read: the service never sees it.
    Refuse,
    /// The service does the work. The first part of its answer arrives, in thousandths, then the
    /// connection ends.
    Truncate(usize),
    /// The service does the work. One byte of its answer is changed; its place is in thousandths.
    Corrupt(usize),
    /// The service does the work, and its answer never comes.
    Silence,
    /// The service does the work, and half of its answer comes.
    Stall,
    /// The service does nothing and answers with this status, like the program when it is busy.
    Status(u16),
    /// The service redirects the client.
    Redirect,
    /// The service does the work. A gateway gives this answer in place of the service's.
    Gateway(u16, &'static str),
    /// The connection ends after this part of the request.
    Cut(Place),
    /// A changed byte of the request; its place is in thousandths.
    Damage(usize),
    /// The request arrives after the client has given up.
    Late,
}

/// The seconds of `Retry-After` in an answer with status 429 or 503.
pub(crate) const RETRY_AFTER: u64 = 7;

/// The places at which an answer loses something else: all of it, in the status line, in the
/// headers, in the body, its last byte.
const TRUNCATIONS: [usize; 7] = [0, 20, 100, 300, 600, 900, 999];

impl Fault {
    /// Returns the faults of a request that has such a place.
    pub(crate) fn of_request(request: &str) -> Vec<Self> {
        let mut faults: Vec<_> =
            Place::EACH.into_iter().filter(|place| place.in_request(request).is_some()).map(Self::Cut).collect();
        faults.extend([100, 500, 950].map(Self::Damage));
        faults.extend([Self::Refuse, Self::Late]);
        faults
    }

    /// Returns the faults of an answer, and the answers of another server.
    pub(crate) fn of_answer() -> Vec<Self> {
        let mut faults = vec![Self::Silence, Self::Stall, Self::Redirect];
        faults.extend([429, 500, 503].map(Self::Status));
        faults.extend([Self::Gateway(403, ""), Self::Gateway(200, r#"{"error":"server_error"}"#)]);
        faults.extend(TRUNCATIONS.map(Self::Truncate));
        faults.extend([0, 500].map(Self::Corrupt));
        faults
    }

    /// Returns whether the fault changes a byte. The byte may be of no effect, or make another
    /// valid answer.
    pub(crate) fn changes_a_byte(self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Damage(_))
    }

    /// Returns whether the answer says that the service did not see the request.
    pub(crate) fn is_refusal(self) -> bool {
        self == Self::Status(429)
    }

    /// Returns whether the fault happens only after the client's timeout.
    pub(crate) fn takes_time(self) -> bool {
        matches!(self, Self::Silence | Self::Stall | Self::Late)
    }

    /// Returns the codes that the library may give for the fault, apart from 2316.
    pub(crate) fn codes(self) -> &'static [u64] {
        match self {
            Self::Silence | Self::Stall | Self::Late => &[2201],
            Self::Refuse | Self::Cut(_) => &[2202],
            Self::Truncate(_) => &[2202, 2203],
            Self::Status(_) | Self::Gateway(200, _) => &[2204],
            Self::Redirect | Self::Gateway(..) => &[2203],
            Self::Corrupt(_) | Self::Damage(_) => &[],
        }
    }
}

/// A place of a request at which a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Nothing,
    Method,
    Path,
    QueryBegins,
    Query,
    QueryEnds,
    WithinHeader,
    BetweenHeaders,
    BeforeEndOfHead,
    BeforeBody,
    Body,
    LastByte,
    /// The whole request arrives; the answer is lost.
    All,
}

impl Place {
    pub(crate) const EACH: [Self; 13] = [
        Self::Nothing,
        Self::Method,
        Self::Path,
        Self::QueryBegins,
        Self::Query,
        Self::QueryEnds,
        Self::WithinHeader,
        Self::BetweenHeaders,
        Self::BeforeEndOfHead,
        Self::BeforeBody,
        Self::Body,
        Self::LastByte,
        Self::All,
    ];

    /// Returns the number of bytes of this request before the place; `None` if the request has no
    /// such place.
    pub(crate) fn in_request(self, request: &str) -> Option<usize> {
        let target = request.find(' ')? + 1;
        let target_ends = target + request[target..].find(' ')?;
        let path_ends = request[..target_ends].find('?').unwrap_or(target_ends);
        let query = |quarters: usize| {
            let begins = path_ends + 1;
            (begins < target_ends).then(|| begins + (target_ends - begins) * quarters / 4)
        };
        let line_ends = request.find("\r\n")? + 2;
        let header_ends = line_ends + request[line_ends..].find("\r\n")? + 2;
        let head_ends = request.find("\r\n\r\n")? + 4;
        let body = request.len() - head_ends;
        match self {
            Self::Nothing => Some(0),
            Self::Method => Some(2),
            Self::Path => Some(target + (path_ends - target) / 2),
            Self::QueryBegins => query(1),
            Self::Query => query(2),
            Self::QueryEnds => query(4),
            Self::WithinHeader => Some(line_ends + (header_ends - line_ends) / 2),
            Self::BetweenHeaders => Some(header_ends),
            Self::BeforeEndOfHead => Some(head_ends - 2),
            Self::BeforeBody => (body > 0).then_some(head_ends),
            Self::Body => (body > 0).then_some(head_ends + body / 2),
            Self::LastByte => Some(request.len() - 1),
            Self::All => Some(request.len()),
        }
    }
}

#[test]
fn places_of_a_request_go_up_and_hold_what_they_say() {
    let request = "POST /a/bc?d=e&f=gh HTTP/1.1\r\nhost: h\r\naccept: j\r\n\r\n{\"k\":1}";
    let before = Place::EACH.map(|place| &request[..place.in_request(request).unwrap()]);
    let expected = ["", "PO", "POST /a", "POST /a/bc?d=", "POST /a/bc?d=e&", "POST /a/bc?d=e&f=gh"];
    assert_eq!(before[..6], expected);
    assert!(before[6].ends_with("\r\nhost:") || before[6].ends_with("\r\nhost"), "{:?}", before[6]);
    assert!(before[7].ends_with("host: h\r\n"));
    assert!(before[8].ends_with("accept: j\r\n"));
    assert!(before[9].ends_with("\r\n\r\n"));
    assert!(before[10].ends_with("\r\n\r\n{\"k"));
    assert_eq!((before[11].len(), before[12]), (request.len() - 1, request));
    let bare = "GET /a HTTP/1.1\r\nhost: h\r\n\r\n";
    for place in [Place::Query, Place::BeforeBody, Place::Body] {
        assert_eq!(place.in_request(bare), None);
    }
}

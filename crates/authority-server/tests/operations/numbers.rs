//! Numbers that clients cannot multiply, and numbers that warn operators.

use crate::live::{ALICE, Live, agent, get, until};

/// An issuer's set of one key. Its private half is lost.
const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

#[test]
fn an_issuer_whose_keys_cannot_be_read_any_more_is_counted() {
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), KEYS).unwrap();
    let place = keys.path().display();
    let live =
        Live::start(false, &format!("[tokens]\nissuer = \"https://i\"\naudience = \"a\"\njwks_file = \"{place}\"\n"));
    let failures = |count: u32| format!("pims_authority_failures_total{{work=\"issuer_keys\"}} {count}\n");
    let text = live.metrics();
    assert!(text.contains(&failures(0)), "{text}");
    for known in ["pims_authority_database_up 1\n", "pims_authority_sms_waiting 0\n", "process_resident_memory_bytes "]
    {
        assert!(text.contains(known), "{known}: {text}");
    }
    assert_eq!(text.matches("# EOF").count(), 1);
    drop(keys);
    live.hang_up();
    until("the issuer's keys are missed", || live.metrics().contains(&failures(1)).then_some(()));
}

#[test]
fn a_row_that_another_program_changed_is_counted_and_logged() {
    let live = Live::start(false, ALICE);
    let ask = || {
        let mut answer = agent()
            .get(format!("http://127.0.0.1:{}/applications/cvs/v4/mobile/trustedPhoneNumber", live.port))
            .header("authorization", "Bearer token-of-alice-1")
            .call()
            .unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    let failures = |count: u32| format!("pims_authority_failures_total{{work=\"altered_row\"}} {count}\n");
    assert_eq!(ask(), (404, r#"{"err":"NOK:NOPHONE"}"#.into()));
    assert!(live.metrics().contains(&failures(0)));
    let database = rusqlite::Connection::open(live.database()).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    assert_eq!(database.execute("UPDATE accounts SET phone_number = '+33612345678'", []).unwrap(), 1);
    assert_eq!(ask().0, 503);
    assert!(live.metrics().contains(&failures(1)), "{}", live.metrics());
    let line = "a row of the table accounts is not as the service wrote it";
    until("the log says what failed", || live.log().contains(line).then_some(()));
    assert!(!live.log().contains("+33612345678"));
}

#[test]
fn a_method_that_somebody_makes_up_is_no_series_of_its_own() {
    use std::io::{Read, Write};
    let live = Live::start(false, ALICE);
    for method in ["PLANTEDONE", "PLANTEDTWO"] {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", live.port)).unwrap();
        write!(stream, "{method} /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    }
    let text = live.metrics();
    assert!(!text.contains("PLANTED") && !live.log().contains("PLANTED"), "{text}");
    assert!(text.contains("method=\"other\",status=\"405\"} 2"), "{text}");
}

#[test]
fn readiness_that_everybody_asks_for_at_once_reaches_the_database_seldom() {
    let live = Live::start(false, ALICE);
    let began = std::time::Instant::now();
    let asked: u64 = 400;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..asked / 8 {
                    assert_eq!(get(&format!("http://127.0.0.1:{}/readyz", live.port)).0, 200);
                }
            });
        }
    });
    // Every step is counted: once a second for readiness, and one for the scrape.
    let text = live.metrics();
    let most = began.elapsed().as_secs() + 2;
    let count = text.lines().find_map(|line| line.strip_prefix("pims_authority_step_duration_seconds_count "));
    let steps: u64 = count.unwrap().parse().unwrap();
    assert!((2..=most + 1).contains(&steps), "{steps} steps in {most} seconds");
}

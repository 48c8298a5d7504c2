//! Ten thousand requests that no client should send, or that this client may not send. Each gets a
//! refusal, none an error of the service, and no row is changed afterwards.

mod operators;
mod requests;

use std::cell::RefCell;
use std::collections::BTreeSet;

use authority::Purpose;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::cluster::Cluster;
use crate::database::is_for_sqlite_alone;
use crate::device::{Device, Scene};
use crate::http;
use crate::schema::Schema;
use crate::state::STATE;
use crate::world::{Setup, TOKEN, World, token};

/// A service with an account that has a device, a waiting code, a valid password and a valid
/// refresh token.
struct Stage {
    world: World,
    schema: Option<Schema>,
    device: Device,
    before: Vec<String>,
}

impl Stage {
    fn new(schema: Option<Schema>) -> Self {
        let setup = match &schema {
            Some(schema) => Setup::production().set("database.url", &schema.url),
            None => Setup::new(),
        };
        let setup = setup.set("activation.approval", true).set("notices.to_devices", true);
        let world = setup.set("limits.party_per_minute", 1_000_000).start();
        let alice = world.account("alice");
        let device = Device::activate(&world, &alice, "1234");
        let grant = json!({"grant_type": "password", "password": device.made(&world.client, "1234")});
        assert_eq!(world.ask("POST", TOKEN, Some(&token("alice")), Some(&grant)).status, 200);
        device.made(&world.client, "1234");
        world.sent_code(&alice, Purpose::Enrollment);
        // An account begins to exist when its token is first shown.
        for account in ["bob", "carol"] {
            assert_eq!(world.cvs("GET", "trustedPhoneNumber", account, None).status, 404);
        }
        let stage = Self { world, schema, device, before: Vec::new() };
        let before = stage.rows();
        // No account is blocked, no SMS waits for the gateway, and no operator proposes anything.
        // An outbox gets no notices.
        let is_empty = |table: &&str| !before.iter().any(|row| row.starts_with(&format!("{table}: ")));
        let empty: Vec<&str> = STATE.into_iter().filter(is_empty).collect();
        assert_eq!(empty, ["timed_blocks", "sms_queue", "notices", "operator_proposals"]);
        Self { before, ..stage }
    }

    /// Returns every row of the state, as text. The boundary of the audit seals is left out: the
    /// service moves it once a minute, whether or not a request comes.
    fn rows(&self) -> Vec<String> {
        let rows = match &self.schema {
            Some(schema) => schema.rows(&STATE),
            None => self.world.rows(),
        };
        rows.into_iter().filter(|row| !row.contains("audit.boundary")).collect()
    }

    /// Sends this many of these cases, each of which must be refused. Then every row must be
    /// unchanged. Returns the words of the refusals.
    fn all_refused(&self, count: u32, cases: impl Strategy<Value = TestRequest>) -> BTreeSet<String> {
        let config = ProptestConfig {
            cases: count,
            failure_persistence: None,
            max_global_rejects: 4 * count,
            ..ProptestConfig::default()
        };
        let words = RefCell::new(BTreeSet::new());
        let run = TestRunner::new(config).run(&cases, |request| {
            words.borrow_mut().insert(refused(&self.world, &request)?);
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{error}"));
        let after = self.rows();
        let changed: Vec<&String> = after.iter().filter(|row| !self.before.contains(row)).collect();
        assert!(changed.is_empty(), "{changed:?}");
        assert_eq!(after.len(), self.before.len(), "rows are gone");
        words.into_inner()
    }
}

/// The listener that gets the request.
#[derive(Clone, Copy, Debug)]
enum Listener {
    Public,
    Admin,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
struct TestRequest {
    listener: Listener,
    method: &'static str,
    target: String,
    token: Option<String>,
    body: Option<Vec<u8>>,
    /// The only status that it may get, if there is one.
    status: Option<u16>,
}

/// Returns the word of the refusal, or its status.
fn refused(world: &World, request: &TestRequest) -> Result<String, TestCaseError> {
    let url = match request.listener {
        Listener::Public => &world.client.url,
        Listener::Admin => &world.admin_url,
    };
    let url = format!("{url}{}", request.target);
    let reply =
        http::send(&world.client.agent, request.method, &url, request.token.as_deref(), request.body.as_deref());
    let Ok(reply) = reply else {
        // Text that the client itself does not send as a request.
        return Err(TestCaseError::reject("not a request"));
    };
    prop_assert!(request.status.is_none_or(|status| status == reply.status), "{request:?}: {}", reply.status);
    if reply.status != 200 {
        prop_assert!((400..500).contains(&reply.status), "{request:?}: {}", reply.status);
        return Ok(reply.status.to_string());
    }
    // The exchange and relying parties are refused with a word.
    let end = |sign: char| sign == '<' || sign == '"';
    let rest = reply.text.split_once("<err>").or_else(|| reply.text.split_once("{\"err\":\""));
    let word = rest.and_then(|(_, rest)| rest.split(end).next()).unwrap_or_default();
    prop_assert!(word.starts_with("NOK:"), "{request:?}: {}", reply.text);
    Ok(word.to_owned())
}

/// Sends this share, in thousandths, of more than ten thousand cases of every kind.
fn all_malformed_requests_are_refused(stage: &Stage, per_mille: u32) {
    let run = |count: u32, cases: BoxedStrategy<TestRequest>, words: &[&str]| {
        let met = stage.all_refused(count * per_mille / 1000, cases);
        // Otherwise the cases are not what they are meant to be.
        let missing: Vec<&&str> = words.iter().filter(|word| !met.contains(**word)).collect();
        assert!(missing.is_empty(), "nothing was refused with {missing:?}: {met:?}");
    };
    let id = &stage.device.id;
    run(2500, requests::arbitrary_queries(id).boxed(), &["NOK:SN", "400"]);
    run(2000, requests::exchange_requests(&stage.device).boxed(), &["NOK:SN", "NOK:CODE", "NOK:STATE", "401"]);
    run(1000, requests::relying_party_requests(&stage.device).boxed(), &["NOK:ACCESS", "NOK:NOSRV", "400", "401"]);
    run(1500, requests::cvs_requests().boxed(), &["400", "401", "404"]);
    run(1500, requests::token_requests().boxed(), &["400", "401"]);
    run(1000, operators::requests_without_operator(id).boxed(), &["401", "404"]);
    run(1000, operators::malformed_requests(id).boxed(), &["400", "404", "405"]);
    run(300, requests::requests_to_unknown_paths().boxed(), &["404"]);
}

#[test]
fn malformed_requests_are_refused_and_change_nothing() {
    if is_for_sqlite_alone("the next test is the same on PostgreSQL, in both runs") {
        return;
    }
    all_malformed_requests_are_refused(&Stage::new(None), 1000);
}

/// Databases differ in the texts that they accept.
#[test]
fn malformed_requests_are_refused_and_change_nothing_on_postgresql() {
    if !Cluster::is_installed() {
        return;
    }
    all_malformed_requests_are_refused(&Stage::new(Some(Schema::new(Cluster::shared()))), 150);
}

//! The duration of a refusal does not show whether an account exists: a refusal costs the same
//! statements for every name.
//!
//! Times prove nothing on a machine with other work. The server's own log of its statements does.

use std::collections::BTreeMap;

use authority::{
    Authority, Database, MasterKey, Options, Policy, Postgres, Sms, SmsError, SmsGateway, SystemClock, Verdict,
};
use inwebo::values::{Approval, Proofs};
use serde_json::json;

use crate::cluster::Cluster;
use crate::device::{Answer, Device, finalize, query};
use crate::schema::Schema;
use crate::world::{BANK, SHOP, Setup, World, name, poll};

/// A server that logs its statements.
struct Logging {
    cluster: Cluster,
    schema: Schema,
}

impl Logging {
    fn new() -> Self {
        let cluster = Cluster::start();
        cluster.log_statements();
        let schema = Schema::new(&cluster);
        // Connections that begin after the server has read this setting log all their statements.
        let is_logged = || {
            schema.client().batch_execute("SELECT 'heard'").unwrap();
            cluster.log().contains("SELECT 'heard'").then_some(())
        };
        poll(is_logged).expect("it logs statements");
        Self { cluster, schema }
    }

    /// Returns the transactions so far that have such a statement, with their statements in order.
    /// The work between requests has other transactions.
    fn transactions(&self, of: fn(&str) -> bool) -> Vec<Vec<String>> {
        let mut open: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut checks = Vec::new();
        for (process, statement) in statements(&self.cluster.log()) {
            let transaction = open.entry(process.clone()).or_default();
            if statement.starts_with("START TRANSACTION") {
                // The statements before it belong to the beginning of a connection.
                transaction.clear();
            }
            transaction.push(statement.clone());
            if statement.starts_with("COMMIT") || statement.starts_with("ROLLBACK") {
                let transaction = open.remove(&process).unwrap_or_default();
                if transaction.iter().any(|statement| of(statement)) {
                    checks.push(transaction);
                }
            }
        }
        checks
    }

    /// Returns the cost of this refusal, which writes to the audit trail.
    fn cost(&self, refusal: impl FnOnce()) -> Vec<Vec<String>> {
        let writes_audit = |statement: &str| statement.contains("INTO audit") || statement.starts_with("UPDATE audit");
        self.cost_of(writes_audit, refusal)
    }

    /// Returns the transactions of this refusal that have such a statement.
    fn cost_of(&self, of: fn(&str) -> bool, refusal: impl FnOnce()) -> Vec<Vec<String>> {
        let before = self.transactions(of).len();
        refusal();
        // A statement is logged before it runs: by now all of them are.
        self.transactions(of).split_off(before)
    }
}

/// Returns the statements of a log, each with the process that ran it. A statement of several lines
/// goes on in lines that begin with a tab.
fn statements(log: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in log.lines() {
        let logged = line.strip_prefix('[').and_then(|rest| rest.split_once("] LOG:  "));
        match logged {
            Some((process, entry)) => {
                // `execute <unnamed>: …` for a statement with parameters.
                let is_run = entry.starts_with("execute ") || entry.starts_with("statement: ");
                if let Some((_, statement)) = entry.split_once(": ").filter(|_| is_run) {
                    all.push((process.to_owned(), statement.to_owned()));
                }
            }
            None => {
                if let (Some(rest), Some((_, statement))) = (line.strip_prefix('\t'), all.last_mut()) {
                    statement.push(' ');
                    statement.push_str(rest.trim_start());
                }
            }
        }
    }
    all
}

struct NoGateway;

impl SmsGateway for NoGateway {
    fn send(&self, _: &Sms) -> Result<(), SmsError> {
        Err(SmsError::new("there is none"))
    }
}

/// Creates the library over the same database.
fn library(schema: &Schema) -> Authority {
    let options = Options {
        database: Database::Postgres(Postgres::new(schema.url.as_str())),
        master_key: MasterKey::new(1, [7; 32]).into(),
        policy: Policy::default(),
        sms: Box::new(NoGateway),
        sms_retry: None,
        clock: Box::new(SystemClock),
    };
    Authority::open(options).unwrap()
}

/// Sends the request of a relying party, which must be refused.
fn refused(world: &World, party: (&str, Option<&str>), account: &str, otp: &str) {
    let parameters = query(&[
        ("action", "authenticate"),
        ("serviceId", party.0),
        ("userId", account),
        ("token", otp),
        ("format", "json"),
    ]);
    let reply = world.ask("GET", &format!("/FS?{parameters}"), party.1, None);
    assert_eq!((reply.status, reply.word().as_str()), (200, "NOK:ACCESS"), "{account}");
}

#[test]
fn a_refusal_costs_the_same_statements_for_every_account_name() {
    if !Cluster::is_installed() {
        return;
    }
    let server = Logging::new();
    let world = Setup::production().set("database.url", &server.schema.url).start();
    let (alice, carol) = (world.account("alice"), world.account("carol"));
    let device = Device::activate(&world, &alice, "1234");
    let used = device.made(&world.client, "1234");
    assert_eq!(world.authenticate("alice", &used), "OK");
    device.made(&world.client, "1234");
    // One account that exists and has nothing, and one that is blocked, with a password that was
    // valid.
    assert_eq!(world.cvs("GET", "trustedPhoneNumber", "bob", None).status, 404);
    let blocked = Device::activate(&world, &carol, "1234");
    let lost = blocked.made(&world.client, "1234");
    (0..5).for_each(|_| drop(blocked.ask(&world.client, "0000")));

    let library = library(&server.schema);
    let baseline = server.cost(|| refused(&world, ("shop", Some(SHOP)), "alice", "abcdefgh"));
    assert_eq!(baseline.len(), 1, "{baseline:?}");
    // The transaction begins, looks up the password and the account, records the refusal, and ends.
    let text = baseline[0].join("\n");
    assert!(
        baseline[0].len() >= 5
            && text.starts_with("START TRANSACTION")
            && text.contains("FROM passwords")
            && text.contains("FROM accounts"),
        "{text}"
    );
    // An equal refusal of the same minute is counted in the row of the first one, for every name.
    let counted = poll(|| {
        let cost = server.cost(|| refused(&world, ("shop", Some(SHOP)), "alice", "abcdefgh"));
        (cost != baseline).then_some(cost)
    });
    let counted = counted.expect("an equal refusal is counted");
    assert!(counted.len() == 1 && counted[0].iter().any(|statement| statement.starts_with("UPDATE audit")));
    // The cost depends on the minute, and on the requests of this client in that minute.
    let is_usual = |cost: Vec<Vec<String>>| cost == baseline || cost == counted;
    for (account, otp) in [
        ("alice", "abcdefgh"),
        ("alice", "a"),
        ("alice", &used),
        ("bob", "abcdefgh"),
        ("carol", "abcdefgh"),
        ("carol", &lost),
        ("nobody", "abcdefgh"),
        ("nobody", "a"),
        ("nobody", &used),
        (&"x".repeat(128), "abcdefgh"),
    ] {
        for party in [("shop", Some(SHOP)), ("bank", Some(BANK))] {
            let cost = server.cost(|| refused(&world, party, account, otp));
            assert!(is_usual(cost.clone()), "{account:.10} at {}: {cost:?}", party.0);
        }
        let verify = || assert_eq!(library.verify_otp(&name(account), otp).unwrap(), Verdict::Refused);
        let cost = server.cost(verify);
        assert!(is_usual(cost.clone()), "{account:.10}: {cost:?}");
    }
    // A text that is too long for a password is not looked up, for any name.
    for account in ["alice", "nobody"] {
        let long = server.cost(|| refused(&world, ("shop", Some(SHOP)), account, "abcdefghi"));
        let without = |cost: &[Vec<String>]| -> Vec<String> {
            cost[0].iter().filter(|statement| !statement.contains("FROM passwords")).cloned().collect()
        };
        assert!(
            long.len() == 1 && (long[0] == without(&baseline) || long[0] == without(&counted)),
            "{account}: {long:?}"
        );
    }
}

#[test]
fn a_text_that_names_no_device_of_the_account_costs_the_same_statements_whatever_it_names() {
    if !Cluster::is_installed() {
        return;
    }
    let server = Logging::new();
    let world = Setup::production().set("database.url", &server.schema.url).start();
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    let [device, other, removed] = [(); 3].map(|()| Device::activate(&world, &alice, "1234"));
    let stranger = Device::activate(&world, &bob, "1234");
    device.remove_device(&world.client, "1234", &removed.id).ok();
    let lists = |statement: &str| statement.contains("FROM devices WHERE account = ");
    let name = json!({"name": "Phone"});
    let by_app = |method: &'static str, id: &str| {
        let body = (method == "PATCH").then_some(&name);
        server.cost_of(lists, || {
            let reply = world.cvs(method, &format!("devices/{id}"), "alice", body);
            assert_eq!((reply.status, reply.text.as_str()), (404, r#"{"err":"NOK:DEVICEID"}"#), "{id}");
        })
    };
    let by_device = |id: &str| {
        server.cost_of(lists, || {
            assert_eq!(device.remove_device(&world.client, "1234", id).err(), "NOK:DEVICEID", "{id}");
        })
    };
    let unknown = "a000000000000000";
    let (of_app, of_device) = (by_app("DELETE", unknown), by_device(unknown));
    assert_eq!((of_app.len(), of_device.len()), (1, 1), "{of_app:?} {of_device:?}");
    // Nothing but the devices of the account is read, and no statement has the text that was sent.
    assert_eq!(of_app[0].iter().filter(|statement| statement.starts_with("SELECT")).count(), 1, "{of_app:?}");
    assert_eq!(by_app("PATCH", unknown), of_app);
    for id in [
        &stranger.id[..],
        &stranger.id[..8],
        &removed.id,
        &removed.id[..8],
        &other.id[..7],
        &format!("{}0", other.id),
        "x",
        "%25%25%25%25%25%25%25%25",
    ] {
        assert_eq!(by_app("DELETE", id), of_app, "{id}");
        assert_eq!(by_app("PATCH", id), of_app, "{id}");
        assert_eq!(by_device(id), of_device, "{id}");
    }
    // The stranger and the others are as they were.
    for device in [&device, &other, &stranger] {
        device.made(&world.client, "1234");
    }
}

#[test]
fn a_text_that_names_no_waiting_device_costs_the_same_statements_whatever_it_names() {
    if !Cluster::is_installed() {
        return;
    }
    let server = Logging::new();
    let world = Setup::production().set("database.url", &server.schema.url).set("activation.approval", true).start();
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    let first = Device::activate(&world, &alice, "1234");
    let stranger = Device::activate(&world, &bob, "1234");
    let strange_new = Device::activate(&world, &bob, "1234");
    let lists = |statement: &str| statement.contains("FROM devices WHERE account = ");
    let reject = |named: &str, reason: &str| {
        server.cost_of(lists, || {
            let challenge = first.setup(&world.client, "checkpush", &[]).ok();
            let bound = Approval::Reject.challenge(challenge.get("challenge"), named);
            let r0 = Proofs::without_pin(&bound, &first.serial, &first.k0).r0;
            let more = [("device", named), ("reject", "1"), ("R0", &r0)];
            let answer = Answer::of(&world.client, None, &finalize("checkpush", &first.id, &more));
            assert_eq!((answer.err(), answer.find("reason")), ("NOK:STATE", Some(reason)), "{named}");
        })
    };
    let unknown = "a000000000000000";
    let texts = |new: Option<&Device>| {
        let mut texts = vec![stranger.id.clone(), strange_new.id.clone(), strange_new.id[..8].to_owned()];
        texts.extend([first.id.clone(), "x".to_owned(), String::new()]);
        texts.extend(new.map(|new| new.id[..7].to_owned()));
        texts.extend(new.map(|new| format!("{}0", new.id)));
        texts
    };
    // No device waits, and then one does.
    let cost = reject(unknown, "nothingToConfirm");
    assert_eq!(cost.len(), 1, "{cost:?}");
    for text in texts(None) {
        assert_eq!(reject(&text, "nothingToConfirm"), cost, "{text}");
    }
    let new = Device::activate(&world, &alice, "1234");
    let cost = reject(unknown, "otherDevice");
    for text in texts(Some(&new)) {
        assert_eq!(reject(&text, "otherDevice"), cost, "{text}");
    }
    // Nothing was decided about any of them.
    let challenge = stranger.setup(&world.client, "checkpush", &[]).ok();
    let r0 = Proofs::without_pin(challenge.get("challenge"), &stranger.serial, &stranger.k0).r0;
    let asked = Answer::of(&world.client, None, &finalize("checkpush", &stranger.id, &[("R0", &r0)])).ok();
    assert_eq!(asked.get("device"), &strange_new.id[..8]);
    first.made(&world.client, "1234");
}

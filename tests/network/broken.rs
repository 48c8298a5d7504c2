//! Every fault in every exchange of every operation.

use std::cell::RefCell;
use std::path::Path;

use pims::facade;
use serde_json::Value;

use crate::fault::{Fault, Place, RETRY_AFTER};
use crate::operations::{OPERATIONS, Operation, World, is_activated};
use crate::program::Program;
use crate::service::Service;
use crate::shards::{Templates, each};
use crate::{expect, program, turn};

/// One fault in one request of an operation.
struct Case {
    operation: &'static Operation,
    number: usize,
    /// The request's name.
    request: String,
    fault: Fault,
}

#[test]
fn whatever_happens_to_an_answer_the_next_call_goes_on() {
    let _turn = turn();
    let test = "broken::whatever_happens_to_an_answer_the_next_call_goes_on";
    let faults = |_: &str| Fault::of_answer();
    match program::binary("the program's answers; those of the library stand in") {
        Some(binary) => break_all(test, &|folder| Service::start_program(&binary, folder), faults),
        None => break_all(test, &|folder| Service::start(folder, None), faults),
    };
}

#[test]
fn whatever_happens_to_a_request_the_next_call_goes_on() {
    let _turn = turn();
    let Some(binary) = program::binary("requests to the program") else { return };
    let test = "broken::whatever_happens_to_a_request_the_next_call_goes_on";
    let cases = break_all(test, &|folder| Service::start_program(&binary, folder), Fault::of_request);
    for place in Place::EACH {
        assert!(cases.iter().any(|case| case.fault == Fault::Cut(place)), "no request has {place:?}");
    }
}

#[test]
fn a_program_that_wants_fewer_requests_is_2204_and_says_when_to_come_again() {
    let _turn = turn();
    let Some(binary) = program::binary("the program's limits") else { return };
    let full = |setting: &str, steps: &[&str], refused: &str| {
        let folder = tempfile::tempdir().unwrap();
        let most = (steps.len()).to_string();
        let program = Program::start_with(&binary, folder.path(), &[(setting, &most)]);
        let url = format!("http://{}", program.address);
        let world = World { folder: folder.path(), url: &url, ca_file: None, service: &program };
        world.init(30_000);
        steps.iter().for_each(|step| expect(&world.act(step)));
        let message = world.act(refused);
        facade::free();
        assert_eq!(message["error"]["code"], 2204, "{message}");
        assert!((1..=60).contains(&message["error"]["info"]["retryAfterSeconds"].as_u64().unwrap()), "{message}");
    };
    full("PIMS_AUTHORITY_LIMITS_ACCOUNT_PER_MINUTE", &["certify", "add"], "number");
    // A step of the exchange whose account is unknown.
    full("PIMS_AUTHORITY_LIMITS_ADDRESS_PER_MINUTE", &["certify", "add", "code"], "accept");
}

/// Breaks each request of each operation in each of these ways.
fn break_all(test: &str, start: &dyn Fn(&Path) -> Service, faults: impl Fn(&str) -> Vec<Fault>) -> Vec<Case> {
    let templates = RefCell::new(Templates::new(start));
    let mut cases = Vec::new();
    for operation in &OPERATIONS {
        let requests = rehearse(&mut templates.borrow_mut(), operation, start);
        assert!(requests.len() >= operation.least, "{}: {requests:?}", operation.step);
        for (number, (name, request)) in requests.iter().enumerate() {
            for fault in faults(request) {
                cases.push(Case { operation, number, request: name.clone(), fault });
            }
        }
    }
    each(test, &cases, |case| case.run(&mut templates.borrow_mut(), start));
    cases
}

/// Finds out the requests of an operation.
fn rehearse(
    templates: &mut Templates<'_>,
    operation: &Operation,
    start: &dyn Fn(&Path) -> Service,
) -> Vec<(String, String)> {
    let folder = templates.copy(operation.prepare);
    let service = start(folder.path());
    let world = World::new(folder.path(), &service);
    world.init(30_000);
    expect(&world.act(operation.step));
    facade::free();
    service.requests()
}

impl Case {
    fn about(&self) -> String {
        format!("{}, request {} ({}), {:?}", self.operation.step, self.number, self.request, self.fault)
    }

    fn run(&self, templates: &mut Templates<'_>, start: &dyn Fn(&Path) -> Service) {
        // On a slow machine an earlier request may have timed out already. Then the case runs again
        // with a longer timeout, on a fresh copy.
        let timeouts: &[u64] = match self.fault {
            fault if fault.takes_time() => &[250, 2000, 20_000],
            // The change may have made the announced length greater than the real one.
            fault if fault.changes_a_byte() => &[3000, 30_000],
            _ => &[30_000],
        };
        let happened = timeouts
            .iter()
            .any(|timeout| self.run_once(templates.copy(self.operation.prepare).path(), *timeout, start));
        assert!(happened, "{}: it did not come to that", self.about());
    }

    /// Runs the case once. Returns whether the fault happened; if so, everything was checked.
    fn run_once(&self, folder: &Path, timeout: u64, start: &dyn Fn(&Path) -> Service) -> bool {
        let service = start(folder);
        let world = World::new(folder, &service);
        world.init(timeout);
        service.fail(self.number, self.fault);
        let message = world.act(self.operation.step);
        let activated = is_activated();
        let happened = service.failed();
        let pin_changed = service.pin_changed();
        facade::free();
        if !happened {
            return false;
        }
        world.init(30_000);
        let about = self.about();
        assert_eq!(is_activated(), activated, "{about}: {message}, and otherwise after a restart");
        if self.fault.changes_a_byte() {
            world.gets_over(&about);
        } else {
            self.check(&message, activated, pin_changed);
            let is_new = world.goes_on(self.operation.step, &message, &about);
            assert_eq!(is_new, pin_changed, "{about}: {message}");
        }
        facade::free();
        true
    }

    /// Asserts that the library reports the fault, as far as it can know it.
    fn check(&self, message: &Value, activated: bool, pin_changed: bool) {
        let about = format!("{}: {message}", self.about());
        if self.operation.step == "blocked" {
            // Without an answer, the message has the last known state: that of one device, the most
            // that are allowed.
            assert_eq!(message["result"]["isAccountBlocked"], "AccountBlocked", "{about}");
            return;
        }
        let code = message["error"]["code"].as_u64().unwrap_or_else(|| panic!("{about}"));
        let done = code == 2316;
        assert!(done || self.fault.codes().contains(&code), "{about}");
        let detail = message["error"]["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty(), "{about}");
        if let (Fault::Status(status), false) = (self.fault, done) {
            assert!(detail.contains(&format!("HTTP {status}")), "{about}");
        }
        if matches!(self.fault, Fault::Status(429 | 503)) && !done {
            assert_eq!(message["error"]["info"]["retryAfterSeconds"], RETRY_AFTER, "{about}");
        }
        let uncertain = detail.contains("it is not known whether the PIN was changed");
        match self.operation.step {
            // If the answer to the new PIN itself is lost, the device cannot know the result, and
            // says so. In all other cases it knows.
            "update" | "reset" if self.sends_new_pin() && !self.fault.is_refusal() => {
                assert!(uncertain && !done, "{about}");
            }
            "update" | "reset" => assert!(!uncertain && done == pin_changed, "{about}"),
            "enroll" | "enroll with number" => assert!(!uncertain && done == activated, "{about}"),
            _ => assert!(!uncertain && !done, "{about}"),
        }
    }

    fn sends_new_pin(&self) -> bool {
        ["Finalize password", "Finalize reset"].contains(&self.request.as_str())
    }
}

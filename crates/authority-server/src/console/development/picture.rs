//! The state machines of an account and of a device as the service sees them: as pictures, and as
//! lists in words.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::console::texts::Texts;
use authority::{AccountInfo, Cause, DeviceInfo, Diagnosis, Purpose};

/// The size of a state in a picture.
const WIDTH: i32 = 170;
const HEIGHT: i32 = 56;

/// A state: its id on the page, and its place in the picture.
struct State {
    id: &'static str,
    column: i32,
    row: i32,
}

impl State {
    /// Returns the message with its name.
    fn name(&self) -> String {
        format!("picture-{}", self.id)
    }

    /// Returns the message that says what it means.
    fn meaning(&self) -> String {
        format!("{}-meaning", self.name())
    }
}

/// A state machine: its states, and the transitions between them by index. A transition of which
/// `true` is set goes both ways.
struct Machine {
    name: &'static str,
    states: &'static [State],
    transitions: &'static [(usize, usize, bool)],
}

const fn state(id: &'static str, column: i32, row: i32) -> State {
    State { id, column, row }
}

const NUMBER: usize = 2;
const CODE: usize = 3;
const ENROLLED: usize = 4;
const BLOCKED_FOR_A_TIME: usize = 5;
const BLOCKED: usize = 6;
const BUDGET: usize = 7;

static ACCOUNT: Machine = Machine {
    name: "picture-account",
    states: &[
        state("state-no-account", 0, 0),
        state("state-no-number", 1, 0),
        state("state-number", 2, 0),
        state("state-code", 3, 0),
        state("state-enrolled", 2, 1),
        state("state-blocked-for-a-time", 1, 2),
        state("state-blocked", 2, 2),
        state("state-budget", 3, 2),
    ],
    transitions: &[
        (0, 1, false),
        (1, NUMBER, false),
        (NUMBER, CODE, true),
        (CODE, ENROLLED, false),
        (ENROLLED, NUMBER, false),
        (ENROLLED, BLOCKED_FOR_A_TIME, true),
        (ENROLLED, BLOCKED, true),
        (ENROLLED, BUDGET, true),
    ],
};

const WAITING: usize = 0;
const ACTIVE: usize = 1;
const SUSPECTED: usize = 2;
const SUSPENDED: usize = 3;
const REMOVED: usize = 4;

static DEVICE: Machine = Machine {
    name: "picture-device",
    states: &[
        state("state-waiting", 0, 0),
        state("state-active", 1, 0),
        state("state-suspected", 2, 0),
        state("state-suspended", 3, 0),
        state("state-removed", 1, 1),
    ],
    transitions: &[
        (WAITING, ACTIVE, false),
        (ACTIVE, SUSPECTED, true),
        (SUSPECTED, SUSPENDED, false),
        (WAITING, REMOVED, false),
        (ACTIVE, REMOVED, false),
        (SUSPECTED, REMOVED, false),
        (SUSPENDED, REMOVED, false),
    ],
};

/// The picture of a state machine with its present state.
#[derive(Template)]
#[template(path = "development/picture.html")]
pub(super) struct Picture {
    /// The part of the ids in the picture that makes them unique on the page.
    id: usize,
    t: Texts,
    machine: &'static Machine,
    present: usize,
}

/// A page includes the picture as it is: its own template has escaped its texts.
impl HtmlSafe for Picture {}

impl Picture {
    /// Returns the picture of an account.
    pub(super) fn of_account(t: Texts, diagnosis: &Diagnosis) -> Self {
        Self { id: 0, t, machine: &ACCOUNT, present: state_of_account(diagnosis) }
    }

    /// Returns the picture of a device, the `number`th of its page.
    pub(super) fn of_device(t: Texts, number: usize, device: &DeviceInfo) -> Self {
        Self { id: number + 1, t, machine: &DEVICE, present: state_of_device(device) }
    }

    /// Returns the name of the present state.
    pub(super) fn present_name(&self) -> String {
        self.machine.states.get(self.present).map(|state| self.t.get(&state.name())).unwrap_or_default()
    }

    fn size(&self) -> (i32, i32) {
        let end = |of: fn(&State) -> i32| self.machine.states.iter().map(of).max().unwrap_or_default();
        (left(end(|state| state.column)) + WIDTH + 4, top(end(|state| state.row)) + HEIGHT + 4)
    }

    /// Returns the lines of the transitions: the points of each, and whether it goes both ways.
    fn lines(&self) -> Vec<(String, bool)> {
        let line = |(from, to, both): &(usize, usize, bool)| {
            let (from, to) = (self.machine.states.get(*from)?, self.machine.states.get(*to)?);
            let ((x1, y1), (x2, y2)) = (border(from, to), border(to, from));
            Some((format!("M{x1} {y1}L{x2} {y2}"), *both))
        };
        self.machine.transitions.iter().filter_map(line).collect()
    }

    fn shown(&self) -> Vec<Shown> {
        let shown = |(index, state): (usize, &State)| Shown {
            id: state.id,
            name: self.t.get(&state.name()),
            meaning: self.t.get(&state.meaning()),
            x: left(state.column),
            y: top(state.row),
            is_present: index == self.present,
        };
        self.machine.states.iter().enumerate().map(shown).collect()
    }
}

/// A state as the template shows it.
struct Shown {
    id: &'static str,
    name: String,
    meaning: String,
    x: i32,
    y: i32,
    is_present: bool,
}

impl Shown {
    /// Returns the lines of its name, with the place of each: at most two.
    fn lines(&self) -> Vec<(i32, i32, String)> {
        let (x, middle) = (self.x + WIDTH / 2, self.y + HEIGHT / 2);
        match split(&self.name) {
            (first, None) => vec![(x, middle + 5, first)],
            (first, Some(second)) => vec![(x, middle - 4, first), (x, middle + 14, second)],
        }
    }
}

/// Splits a long name at the space that is nearest to its middle.
fn split(name: &str) -> (String, Option<String>) {
    const FITS: usize = 18;
    if name.chars().count() <= FITS {
        return (name.to_owned(), None);
    }
    let middle = name.len() / 2;
    let space = name.match_indices(' ').map(|(at, _)| at).min_by_key(|at| at.abs_diff(middle));
    match space.and_then(|at| name.split_at_checked(at)) {
        Some((first, second)) => (first.to_owned(), Some(second.trim_start().to_owned())),
        None => (name.to_owned(), None),
    }
}

fn left(column: i32) -> i32 {
    2 + column * (WIDTH + 50)
}

fn top(row: i32) -> i32 {
    2 + row * (HEIGHT + 50)
}

/// Returns the point of a state's border that is nearest to another state.
fn border(state: &State, other: &State) -> (i32, i32) {
    let (x, y) = (left(state.column), top(state.row));
    if state.row == other.row {
        return (if other.column > state.column { x + WIDTH } else { x }, y + HEIGHT / 2);
    }
    let shift = (other.column - state.column).signum() * WIDTH / 4;
    (x + WIDTH / 2 + shift, if other.row > state.row { y + HEIGHT } else { y })
}

/// Returns the state of an account, from the facts that decide about its requests.
fn state_of_account(diagnosis: &Diagnosis) -> usize {
    let has = |is: fn(&Cause) -> bool| diagnosis.findings.iter().any(|finding| is(&finding.cause));
    let AccountInfo { blocked, blocked_until, phone_number, devices, .. } = &diagnosis.account;
    if has(|cause| *cause == Cause::PinBudgetSpent) {
        BUDGET
    } else if blocked_until.is_some() {
        BLOCKED_FOR_A_TIME
    } else if *blocked {
        BLOCKED
    } else if *devices > 0 {
        ENROLLED
    } else if has(|cause| matches!(cause, Cause::CodeSent { purpose, .. } if *purpose != Purpose::ResetPin)) {
        CODE
    } else if phone_number.is_some() {
        NUMBER
    } else {
        1
    }
}

fn state_of_device(device: &DeviceInfo) -> usize {
    if device.pending {
        WAITING
    } else if device.suspended {
        SUSPENDED
    } else if device.suspected_at.is_some() {
        SUSPECTED
    } else {
        ACTIVE
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use authority::{Finding, Weight};

    use super::*;

    #[test]
    fn each_state_has_words_that_fit_in_its_picture() {
        for t in Texts::languages().map(|(code, _)| Texts::named(code).unwrap()) {
            for (machine, present) in [(&ACCOUNT, ENROLLED), (&DEVICE, REMOVED)] {
                for state in machine.states {
                    assert!(t.has(&state.meaning()) && t.has(&state.name()), "{}", state.id);
                    let (first, second) = split(&t.get(&state.name()));
                    let longest = first.chars().count().max(second.map_or(0, |line| line.chars().count()));
                    assert!(longest <= 22, "{}: {first}", state.id);
                }
                assert!(t.has(machine.name));
                let picture = Picture { id: 0, t, machine, present };
                assert_eq!(picture.lines().len(), machine.transitions.len());
                let page = picture.render().unwrap();
                assert_eq!(page.matches("aria-current=\"true\"").count(), 1);
                assert_eq!(page.matches("data-test=\"state\"").count(), machine.states.len());
                assert!(!page.contains("style="), "{page}");
            }
        }
    }

    fn account(change: impl FnOnce(&mut AccountInfo), causes: &[Cause]) -> Diagnosis {
        let mut account = AccountInfo {
            name: authority::AccountName::new("alice").unwrap(),
            phone_number: Some("+33612345678".into()),
            blocked: false,
            blocked_until: None,
            pin_tries: 0,
            pin_wrong: 0,
            unproved_tries: 0,
            has_pin: true,
            devices: 1,
        };
        change(&mut account);
        let finding = |cause: &Cause| Finding { cause: cause.clone(), weight: Weight::Note };
        Diagnosis { at: 0, account, devices: Vec::new(), findings: causes.iter().map(finding).collect() }
    }

    #[test]
    fn the_state_of_an_account_is_what_decides_about_its_requests() {
        let code = |purpose| Cause::CodeSent { purpose, at: 0, until: 1, tries_left: 5 };
        let no_device = |account: &mut AccountInfo| account.devices = 0;
        for (diagnosis, expected) in [
            (account(|_| {}, &[]), ENROLLED),
            (account(|_| {}, &[code(Purpose::ResetPin)]), ENROLLED),
            (account(|account| account.blocked = true, &[Cause::Blocked { until: None }]), BLOCKED),
            (account(|account| account.blocked = true, &[Cause::PinBudgetSpent]), BUDGET),
            (account(|account| (account.blocked, account.blocked_until) = (true, Some(1)), &[]), BLOCKED_FOR_A_TIME),
            (account(no_device, &[]), NUMBER),
            (account(no_device, &[code(Purpose::Enrollment)]), CODE),
            (account(no_device, &[code(Purpose::PhoneNumberCertification)]), CODE),
            (account(no_device, &[code(Purpose::ResetPin)]), NUMBER),
            (account(|account| (account.devices, account.phone_number) = (0, None), &[Cause::NoPhoneNumber]), 1),
        ] {
            assert_eq!(state_of_account(&diagnosis), expected, "{diagnosis:?}");
        }
    }

    #[test]
    fn the_state_of_a_device_is_what_decides_about_its_requests() {
        let device = DeviceInfo {
            id: "a8f3c1d0".into(),
            short_id: "a8f3c1d0".into(),
            name: String::new(),
            serial: String::new(),
            made_at: 0,
            used_at: None,
            pin_tries: 0,
            unproved_tries: 0,
            suspected_at: None,
            suspended: false,
            keystore: None,
            pending: false,
            needs_approval: false,
        };
        let suspected = DeviceInfo { suspected_at: Some(1), ..device.clone() };
        let suspended = DeviceInfo { suspended: true, ..suspected.clone() };
        let waiting = DeviceInfo { pending: true, ..device.clone() };
        let states = [device, suspected, suspended, waiting].map(|device| state_of_device(&device));
        assert_eq!(states, [ACTIVE, SUSPECTED, SUSPENDED, WAITING]);
    }
}

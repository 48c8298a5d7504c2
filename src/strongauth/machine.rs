//! The state machine of a device: a table, and one pure function for each of its halves.
//!
//! [`permit`] checks that an operation may begin in a state, [`next`] returns the state after an
//! event. Neither does I/O or reads a clock. `docs/state-machine.md` is printed from here
//! ([`document`]), and a test compares the two.

/// The state before an SMS code was accepted. The device falls back to it when the code's lifetime
/// is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// There was no enrollment.
    NotActivated,
    /// There was an enrollment that the service no longer knows.
    Disabled,
}

/// The relation of the stored keys to the account's PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sync {
    /// The keys fit, as far as the device knows.
    Done,
    /// The device must synchronize before it does anything else.
    Due,
}

/// The device's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No enrollment on this device.
    NotActivated,
    /// An SMS code was accepted; it waits for the PIN.
    ActivationStarted(Origin),
    /// Enrolled.
    Activated(Sync),
    /// The service said that the account is blocked.
    Blocked,
    /// The service no longer knows the device; its record is kept until a new enrollment succeeds.
    Disabled,
    /// The record was written by an older protocol version and must be upgraded first.
    Upgradable,
}

impl State {
    /// Every state, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::NotActivated,
        Self::ActivationStarted(Origin::NotActivated),
        Self::ActivationStarted(Origin::Disabled),
        Self::Activated(Sync::Done),
        Self::Activated(Sync::Due),
        Self::Blocked,
        Self::Disabled,
        Self::Upgradable,
    ];

    /// Returns the state's name, without its mark.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotActivated => "NotActivated",
            Self::ActivationStarted(_) => "ActivationStarted",
            Self::Activated(_) => "Activated",
            Self::Blocked => "Blocked",
            Self::Disabled => "Disabled",
            Self::Upgradable => "Upgradable",
        }
    }

    /// Returns the state's mark, if it has one.
    fn mark(self) -> Option<&'static str> {
        match self {
            Self::ActivationStarted(Origin::NotActivated) => Some("was NotActivated"),
            Self::ActivationStarted(Origin::Disabled) => Some("was Disabled"),
            Self::Activated(Sync::Due) => Some("must synchronize"),
            _ => None,
        }
    }

    /// Returns the answer of `isDeviceActivated`: there is an enrollment here that the service has
    /// not ended. A blocked account's device is still enrolled: a PIN reset makes it work again.
    pub fn is_activated(self) -> bool {
        matches!(self, Self::Activated(_) | Self::Blocked | Self::Upgradable)
    }
}

/// The operations that depend on the state. All others are allowed in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `set smscode enrollment`
    AcceptCode,
    /// `set enrollment enroll` with a code
    EnrollWithCode,
    /// `set enrollment enroll` with a blank code
    EnrollStarted,
    /// `set enrollment enrollWithPhoneNumber`
    EnrollWithPhoneNumber,
    /// `set enrollment import`
    Import,
    /// `set enrollment import` with `replace`
    ImportInPlace,
    /// `set enrollment export`
    Export,
    /// `set enrollment remove`
    Remove,
    /// `set pincode update`
    UpdatePin,
    /// `set pincode reset`
    ResetPin,
    /// `get otp withPIN`, `get otp withoutPIN`
    MakeOtp,
    /// `get devices`
    ListDevices,
    /// `set devices rename`, `set devices remove`
    ChangeDevice,
    /// `get enrollmentcode make`, `get enrollmentcode state`, `set enrollmentcode confirm`, `set
    /// enrollmentcode reject`
    EnrollAnother,
    /// `get notices`, `get approval`
    ReadEvents,
    /// `set approval approve`
    ApproveDevice,
    /// `set approval reject`
    RejectDevice,
}

impl Operation {
    /// Every operation, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::AcceptCode,
        Self::EnrollWithCode,
        Self::EnrollStarted,
        Self::EnrollWithPhoneNumber,
        Self::Import,
        Self::ImportInPlace,
        Self::Export,
        Self::Remove,
        Self::UpdatePin,
        Self::ResetPin,
        Self::MakeOtp,
        Self::ListDevices,
        Self::ChangeDevice,
        Self::EnrollAnother,
        Self::ReadEvents,
        Self::ApproveDevice,
        Self::RejectDevice,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::AcceptCode => "`set smscode enrollment`",
            Self::EnrollWithCode => "`set enrollment enroll` with a code",
            Self::EnrollStarted => "`set enrollment enroll` with a blank code",
            Self::EnrollWithPhoneNumber => "`set enrollment enrollWithPhoneNumber`",
            Self::Import => "`set enrollment import`",
            Self::ImportInPlace => "`set enrollment import` with `replace`",
            Self::Export => "`set enrollment export`",
            Self::Remove => "`set enrollment remove`",
            Self::UpdatePin => "`set pincode update`",
            Self::ResetPin => "`set pincode reset`",
            Self::MakeOtp => "`get otp withPIN`, `get otp withoutPIN`",
            Self::ListDevices => "`get devices`",
            Self::ChangeDevice => "`set devices rename`, `set devices remove`",
            Self::EnrollAnother => "`get enrollmentcode`, `set enrollmentcode`",
            Self::ReadEvents => "`get notices`, `get approval`",
            Self::ApproveDevice => "`set approval approve`",
            Self::RejectDevice => "`set approval reject`",
        }
    }
}

/// The reason why an operation may not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// 2317: forbidden in this state.
    Forbidden,
    /// 2311: a step before this one is missing.
    WrongStep,
}

/// Checks that an operation may begin in a state. Remove and the list of devices are allowed
/// everywhere. All else that is not in the table is forbidden.
pub fn permit(state: State, operation: Operation) -> Result<(), Refusal> {
    use Operation::*;
    use State::*;
    match (operation, state) {
        (Remove | ListDevices, _)
        | (ChangeDevice, NotActivated | ActivationStarted(_) | Activated(_) | Disabled | Upgradable)
        | (
            AcceptCode | EnrollWithCode | EnrollWithPhoneNumber | Import | ImportInPlace,
            NotActivated | ActivationStarted(_) | Disabled,
        )
        | (EnrollStarted, ActivationStarted(_))
        | (UpdatePin | ResetPin | MakeOtp | EnrollAnother | ApproveDevice | ImportInPlace | Export, Activated(_))
        | (ResetPin | ImportInPlace, Blocked)
        | (ReadEvents | RejectDevice, Activated(_) | Blocked) => Ok(()),
        (EnrollStarted, NotActivated | Disabled) => Err(Refusal::WrongStep),
        _ => Err(Refusal::Forbidden),
    }
}

/// An event in the life of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The service took an SMS code.
    CodeAccepted,
    /// The enrollment is finished.
    Enrolled,
    /// The enrollment of another client was imported.
    Imported,
    /// The code's lifetime is over.
    CodeExpired,
    /// The service answered that the account is blocked (2310).
    AccountBlocked,
    /// The service answered that the account is not blocked any more.
    AccountUnblocked,
    /// The service answered that it does not know the device (2312).
    DeviceUnknown,
    /// A new PIN was set with a code.
    PinReset,
    /// The account's enrollments were removed.
    Removed,
    /// A synchronization is due: a change was done and the synchronization that must follow failed,
    /// or has not begun.
    SynchronizationDue,
    /// The device synchronized.
    Synchronized,
}

impl Event {
    /// Every event, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::CodeAccepted,
        Self::Enrolled,
        Self::Imported,
        Self::CodeExpired,
        Self::AccountBlocked,
        Self::AccountUnblocked,
        Self::DeviceUnknown,
        Self::PinReset,
        Self::Removed,
        Self::SynchronizationDue,
        Self::Synchronized,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::CodeAccepted => "SMS code accepted",
            Self::Enrolled => "enrolled",
            Self::Imported => "imported",
            Self::CodeExpired => "code's lifetime over",
            Self::AccountBlocked => "service answers 2310",
            Self::AccountUnblocked => "service answers: not blocked",
            Self::DeviceUnknown => "service answers 2312",
            Self::PinReset => "PIN reset done",
            Self::Removed => "enrollments removed",
            Self::SynchronizationDue => "synchronization due after a done change",
            Self::Synchronized => "synchronized",
        }
    }
}

/// Returns the state after an event. An event that the table does not have for a state changes
/// nothing: a message of the service about an account does not move a device that is not enrolled
/// in it.
pub fn next(state: State, event: Event) -> State {
    use State::*;
    match (event, state) {
        (Event::CodeAccepted, NotActivated | ActivationStarted(Origin::NotActivated)) => {
            ActivationStarted(Origin::NotActivated)
        }
        (Event::CodeAccepted, Disabled | ActivationStarted(Origin::Disabled)) => ActivationStarted(Origin::Disabled),
        (Event::Enrolled, NotActivated | ActivationStarted(_) | Disabled) => Activated(Sync::Done),
        (Event::Imported, NotActivated | ActivationStarted(_) | Activated(_) | Blocked | Disabled) => {
            Activated(Sync::Done)
        }
        (Event::CodeExpired, ActivationStarted(Origin::NotActivated)) => NotActivated,
        (Event::CodeExpired, ActivationStarted(Origin::Disabled)) => Disabled,
        (Event::AccountBlocked, Activated(_)) => Blocked,
        // While it was blocked the PIN may have been reset elsewhere: the keys are fetched anew.
        (Event::AccountUnblocked, Blocked) => Activated(Sync::Due),
        (Event::DeviceUnknown, Activated(_) | Blocked) => Disabled,
        (Event::PinReset, Activated(_) | Blocked) => Activated(Sync::Done),
        (Event::Removed, _) => NotActivated,
        (Event::SynchronizationDue, Activated(_)) => Activated(Sync::Due),
        (Event::Synchronized, Activated(_)) => Activated(Sync::Done),
        (_, state) => state,
    }
}

/// Returns the documentation of this table, as Markdown: `docs/state-machine.md`.
pub fn document() -> String {
    let mut page = String::from(concat!(
        "# The state machine of a device\n\n",
        "<!-- Printed from src/strongauth/machine.rs by `make generate`; a test compares the two. -->\n\n",
        "A device has one of six states. Two states carry a mark. `ActivationStarted` remembers the state\n",
        "that it falls back to. `Activated` may have to synchronize before it does its own work. The library\n",
        "keeps the state through a restart and through a crash.\n\n",
        "## Which operation is allowed where\n\n",
        "- `yes`: the operation begins.\n",
        "- A code: the operation fails with this code, and its request is not sent.\n",
        "- `Blocked`: `update`, the two of `otp`, the two of `set devices`, those of `enrollmentcode` and\n",
        "  `approve` first ask the service whether the block has ended, which costs no try. If it has, they\n",
        "  begin.\n",
        "- `devices`: a device in `Activated` or `Blocked` proves itself to the service. In each other state,\n",
        "  the account's access token permits the operation.\n",
        "- `Activated` and `Blocked`: if the service answered `NOK:FORBIDDEN` to the last operation of\n",
        "  the device, without a reason, a new enrollment is allowed as in `Disabled`, or, after the\n",
        "  service accepted a code, as in `ActivationStarted`. Meanwhile the state stays as it is, and the\n",
        "  device works as before. If one of its operations succeeds, the started enrollment ends, unless\n",
        "  its last step was sent and not answered. If the service answers 2312, the state is\n",
        "  `ActivationStarted` (was Disabled).\n",
        "- Operations that are not listed are allowed in every state.\n\n",
    ));
    let columns = [
        State::NotActivated,
        State::ActivationStarted(Origin::NotActivated),
        State::Activated(Sync::Done),
        State::Blocked,
        State::Disabled,
        State::Upgradable,
    ];
    row(&mut page, "operation", columns.iter().map(|state| state.name().to_owned()));
    row(&mut page, "---", columns.iter().map(|_| "---".to_owned()));
    for operation in Operation::ALL {
        let cells = columns.iter().map(|&state| match permit(state, operation) {
            Ok(()) => "yes".to_owned(),
            Err(Refusal::Forbidden) => "2317".to_owned(),
            Err(Refusal::WrongStep) => "2311".to_owned(),
        });
        row(&mut page, operation.title(), cells);
    }
    page.push_str("\n## Which state follows an event\n\nAn empty cell: the event changes nothing in this state.\n\n");
    row(&mut page, "event", State::ALL.iter().map(|&state| with_mark(state)));
    row(&mut page, "---", State::ALL.iter().map(|_| "---".to_owned()));
    for event in Event::ALL {
        let cells = State::ALL.iter().map(|&state| match next(state, event) {
            same if same == state => String::new(),
            other => with_mark(other),
        });
        row(&mut page, event.title(), cells);
    }
    page.push_str("\n## The same as a diagram\n\n");
    page.push_str(&diagram());
    page
}

fn row(page: &mut String, first: &str, cells: impl Iterator<Item = String>) {
    page.push_str("| ");
    page.push_str(first);
    for cell in cells {
        page.push_str(" | ");
        page.push_str(&cell);
    }
    page.push_str(" |\n");
}

fn with_mark(state: State) -> String {
    match state.mark() {
        Some(mark) => format!("{} ({mark})", state.name()),
        None => state.name().to_owned(),
    }
}

/// Returns a Mermaid diagram of every arrow between two states of different names, and of the marks
/// of `Activated`.
fn diagram() -> String {
    let mut arrows: Vec<(String, Vec<&str>)> = Vec::new();
    for state in State::ALL {
        for event in Event::ALL {
            let after = next(state, event);
            if after == state {
                continue;
            }
            let arrow = format!("{} --> {}", state.name(), after.name());
            match arrows.iter_mut().find(|(known, _)| *known == arrow) {
                Some((_, titles)) if titles.contains(&event.title()) => {}
                Some((_, titles)) => titles.push(event.title()),
                None => arrows.push((arrow, vec![event.title()])),
            }
        }
    }
    let mut text = String::from("```mermaid\nstateDiagram-v2\n    [*] --> NotActivated\n");
    for (arrow, titles) in arrows {
        // A colon would end the label.
        let label = titles.join(", ").replace(':', "");
        text.push_str(&format!("    {arrow} : {label}\n"));
    }
    text.push_str("```\n");
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The table of the specification, written out by hand: `Y` allowed, `F` 2317, `S` 2311;
    /// columns as in [`State::ALL`].
    const PERMITS: [(Operation, &str); 17] = [
        (Operation::AcceptCode, "YYYFFFYF"),
        (Operation::EnrollWithCode, "YYYFFFYF"),
        (Operation::EnrollStarted, "SYYFFFSF"),
        (Operation::EnrollWithPhoneNumber, "YYYFFFYF"),
        (Operation::Import, "YYYFFFYF"),
        (Operation::ImportInPlace, "YYYYYYYF"),
        (Operation::Export, "FFFYYFFF"),
        (Operation::Remove, "YYYYYYYY"),
        (Operation::UpdatePin, "FFFYYFFF"),
        (Operation::ResetPin, "FFFYYYFF"),
        (Operation::MakeOtp, "FFFYYFFF"),
        (Operation::ListDevices, "YYYYYYYY"),
        (Operation::ChangeDevice, "YYYYYFYY"),
        (Operation::EnrollAnother, "FFFYYFFF"),
        (Operation::ReadEvents, "FFFYYYFF"),
        (Operation::ApproveDevice, "FFFYYFFF"),
        (Operation::RejectDevice, "FFFYYYFF"),
    ];

    /// The same for events: the letter of the state that follows. `N`otActivated, `n` and `d`
    /// ActivationStarted from NotActivated and Disabled, `A`ctivated, `a` Activated and must
    /// synchronize, `B`locked, `D`isabled, `U`pgradable.
    const EVENTS: [(Event, &str); 11] = [
        (Event::CodeAccepted, "nndAaBdU"),
        (Event::Enrolled, "AAAAaBAU"),
        (Event::Imported, "AAAAAAAU"),
        (Event::CodeExpired, "NNDAaBDU"),
        (Event::AccountBlocked, "NndBBBDU"),
        (Event::AccountUnblocked, "NndAaaDU"),
        (Event::DeviceUnknown, "NndDDDDU"),
        (Event::PinReset, "NndAAADU"),
        (Event::Removed, "NNNNNNNN"),
        (Event::SynchronizationDue, "NndaaBDU"),
        (Event::Synchronized, "NndAABDU"),
    ];

    fn letter(state: State) -> char {
        let place = State::ALL.iter().position(|&known| known == state).unwrap();
        "NndAaBDU".chars().nth(place).unwrap()
    }

    #[test]
    fn every_cell_of_the_table_of_operations_is_as_specified() {
        assert_eq!(PERMITS.map(|(operation, _)| operation), Operation::ALL);
        for (operation, cells) in PERMITS {
            for (state, cell) in State::ALL.into_iter().zip(cells.chars()) {
                let found = match permit(state, operation) {
                    Ok(()) => 'Y',
                    Err(Refusal::Forbidden) => 'F',
                    Err(Refusal::WrongStep) => 'S',
                };
                assert_eq!(found, cell, "{operation:?} in {state:?}");
            }
        }
    }

    #[test]
    fn every_cell_of_the_table_of_events_is_as_specified() {
        assert_eq!(EVENTS.map(|(event, _)| event), Event::ALL);
        for (event, cells) in EVENTS {
            for (state, cell) in State::ALL.into_iter().zip(cells.chars()) {
                assert_eq!(letter(next(state, event)), cell, "{event:?} in {state:?}");
            }
        }
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop::sample::select(Event::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn no_sequence_of_events_leaves_the_table(events in prop::collection::vec(any_event(), 0..64)) {
            let mut state = State::NotActivated;
            for event in events {
                state = next(state, event);
                prop_assert!(State::ALL.contains(&state));
                prop_assert!(state != State::Upgradable, "only a record can be upgradable");
            }
        }

        #[test]
        fn a_blocked_device_makes_no_password_until_it_is_unblocked_reset_enrolled_anew_or_imported(
            events in prop::collection::vec(any_event(), 0..64)
        ) {
            let mut state = State::Blocked;
            for event in events {
                if matches!(event, Event::AccountUnblocked | Event::PinReset | Event::Enrolled | Event::Imported) {
                    break;
                }
                state = next(state, event);
                prop_assert!(permit(state, Operation::MakeOtp).is_err(), "{state:?} after {event:?}");
            }
        }

        #[test]
        fn remove_is_always_allowed_and_always_ends_in_not_activated(events in prop::collection::vec(any_event(), 0..64)) {
            let state = events.into_iter().fold(State::NotActivated, next);
            prop_assert!(permit(state, Operation::Remove).is_ok());
            prop_assert_eq!(next(state, Event::Removed), State::NotActivated);
        }

        #[test]
        fn only_an_enrollment_or_an_import_activates_a_device_that_was_not(events in prop::collection::vec(any_event(), 0..64)) {
            let mut state = State::NotActivated;
            for event in events.into_iter().filter(|event| !matches!(event, Event::Enrolled | Event::Imported)) {
                state = next(state, event);
                prop_assert!(!state.is_activated());
            }
        }
    }
}

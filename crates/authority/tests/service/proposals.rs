//! Four eyes: proposals of operators, their approval by another operator, and every other end.

use authority::{
    AccountName, Action, Actor, Approved, AuditEntry, Authority, CvsRequest, Failure, Policy, Proposed, Reason, Unblock,
};

use crate::device::Device;
use crate::world::{STATE, World};

const DAY: i64 = 86_400;

fn operator(world: &World, name: &str) -> Authority {
    world.authority.acting_as(&Actor::Operator(name.into()), None)
}

fn reason() -> Reason {
    Reason::new("lost phone").unwrap()
}

fn propose(service: &Authority, account: &AccountName, action: &Action) -> String {
    match service.propose(account, action, &reason()).unwrap() {
        Proposed::Made { id } => id,
        other => panic!("{other:?}"),
    }
}

fn removal(device: &Device) -> Action {
    Action::RemoveDevice { id: device.id.clone() }
}

/// A service with an account that wrong PINs blocked.
fn blocked() -> (World, AccountName, Device) {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    (0..5).for_each(|_| drop(device.ask(&world.authority, "9999")));
    (world, account, device)
}

fn is_blocked(world: &World, account: &AccountName) -> bool {
    world.authority.account(account).unwrap().unwrap().blocked
}

/// Returns the rows of the trail of an event, the newest first.
fn rows(world: &World, account: &AccountName, event: &str) -> Vec<AuditEntry> {
    let all = world.authority.audit_log(Some(account), None, 1000).unwrap();
    all.into_iter().filter(|row| row.event == event).collect()
}

#[test]
fn another_operator_approves_and_the_action_runs_once() {
    let (world, account, device) = blocked();
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    let id = propose(&anna, &account, &Action::Unblock);
    let open = world.authority.proposals(Some(&account)).unwrap();
    assert_eq!((open.len(), &open[0].id, &open[0].account, &open[0].action), (1, &id, &account, &Action::Unblock));
    assert_eq!((open[0].by.as_str(), open[0].reason.as_str()), ("operator:anna", "lost phone"));
    assert_eq!(open[0].ends_at - open[0].made_at, 1000 * DAY);
    assert_eq!(world.authority.proposals(None).unwrap(), open);
    assert_eq!(world.authority.proposal(&open[0].id).unwrap().as_ref(), open.first());
    assert!(is_blocked(&world, &account));

    assert_eq!(bob.approve_proposal(&id).unwrap(), Approved::Unblocked(Unblock::Lifted));
    assert!(!is_blocked(&world, &account));
    device.ask(&world.authority, "1234").ok();
    assert_eq!(bob.approve_proposal(&id).unwrap(), Approved::Unknown);
    assert!(!bob.end_proposal(&id).unwrap());
    assert_eq!(world.authority.proposals(None).unwrap(), []);
    assert_eq!(world.authority.proposal(&id).unwrap(), None);
    for (event, actor) in [
        ("operator.proposed", "operator:anna"),
        ("operator.approved", "operator:bob"),
        ("account.unblocked", "operator:bob"),
    ] {
        let rows = rows(&world, &account, event);
        assert_eq!(rows.len(), 1, "{event}");
        assert_eq!((rows[0].actor.as_deref(), rows[0].reason.as_deref()), (Some(actor), Some("lost phone")), "{event}");
    }
}

#[test]
fn an_approved_removal_ends_the_device_that_was_named() {
    let world = World::new();
    let account = world.account("user");
    let [device, other] = [(); 2].map(|()| Device::activate(&world, &account, "1234"));
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    let id = propose(&anna, &account, &Action::RemoveDevice { id: device.id[..8].to_owned() });
    assert_eq!(world.authority.proposals(None).unwrap()[0].action, removal(&device));
    let other_reason = Reason::new("another reason").unwrap();
    assert_eq!(bob.because(&other_reason).approve_proposal(&id).unwrap(), Approved::DeviceRemoved);
    assert_eq!(
        (device.status(&world.authority).as_str(), other.status(&world.authority).as_str()),
        ("NOK:NODEVICE", "OK")
    );
    for event in ["operator.proposed", "operator.approved", "device.removed"] {
        let row = rows(&world, &account, event).remove(0);
        assert_eq!(
            (row.device.as_deref(), row.reason.as_deref()),
            (Some(&device.id[..]), Some("lost phone")),
            "{event}"
        );
    }
}

#[test]
fn the_operator_that_proposed_never_approves() {
    let (world, account, _) = blocked();
    let anna = operator(&world, "anna");
    let id = propose(&anna, &account, &Action::Unblock);
    let before = world.rows(&STATE);
    for same in [
        operator(&world, "anna"),
        anna.because(&reason()),
        world.authority.acting_as(&Actor::Operator("anna".into()), "192.0.2.7".parse().ok()),
    ] {
        assert_eq!(same.approve_proposal(&id).unwrap(), Approved::SameOperator);
    }
    assert_eq!(world.rows(&STATE), before);
    assert_eq!(rows(&world, &account, "operator.refused").iter().map(|row| row.count).sum::<u64>(), 3);
    assert!(is_blocked(&world, &account));
    // An actor of another kind with the same name is another actor.
    let party = world.authority.acting_as(&Actor::Party("anna".into()), None);
    assert_eq!(party.approve_proposal(&id).unwrap(), Approved::Unblocked(Unblock::Lifted));
}

#[test]
fn a_proposal_that_was_withdrawn_or_rejected_is_unknown() {
    let (world, account, _) = blocked();
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    for ending in [&anna, &bob] {
        let id = propose(&anna, &account, &Action::Unblock);
        assert!(ending.end_proposal(&id).unwrap());
        assert!(!ending.end_proposal(&id).unwrap());
        assert_eq!(bob.approve_proposal(&id).unwrap(), Approved::Unknown);
    }
    assert!(is_blocked(&world, &account));
    let actors: Vec<Option<String>> =
        rows(&world, &account, "operator.rejected").into_iter().map(|row| row.actor).collect();
    assert_eq!(actors, [Some("operator:bob".to_owned()), Some("operator:anna".to_owned())]);
    assert_eq!(world.rows(&["operator_proposals"]), [""; 0]);
}

#[test]
fn a_proposal_ends_after_a_day_and_housekeeping_removes_it() {
    let (world, account, _) = blocked();
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    let id = propose(&anna, &account, &Action::Unblock);
    world.clock.forward(DAY - 1);
    assert_eq!(world.authority.proposals(None).unwrap().len(), 1);
    world.authority.prune(400).unwrap();
    assert_eq!(world.rows(&["operator_proposals"]).len(), 1);
    world.clock.forward(1);
    assert_eq!(world.authority.proposals(None).unwrap(), []);
    assert_eq!(bob.approve_proposal(&id).unwrap(), Approved::Unknown);
    assert!(!anna.end_proposal(&id).unwrap());
    assert!(is_blocked(&world, &account));
    world.clock.forward(1);
    world.authority.prune(400).unwrap();
    assert_eq!(world.rows(&["operator_proposals"]), [""; 0]);
}

/// A clock that was ahead made the proposal.
#[test]
fn a_clock_that_was_wrong_makes_no_proposal_longer_than_a_day() {
    let (world, account, _) = blocked();
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    world.clock.forward(30 * DAY);
    let id = propose(&anna, &account, &Action::Unblock);
    world.clock.forward(-30 * DAY);
    assert_eq!(bob.approve_proposal(&id).unwrap(), Approved::Unknown);
    assert_eq!(world.authority.proposals(None).unwrap(), []);
    propose(&anna, &account, &Action::Unblock);
}

#[test]
fn an_account_has_20_open_proposals_at_most() {
    let (world, account, device) = blocked();
    let other = world.account("other");
    let anna = operator(&world, "anna");
    let ids: Vec<String> = (0..20).map(|_| propose(&anna, &account, &removal(&device))).collect();
    assert_eq!(anna.propose(&account, &Action::Unblock, &reason()).unwrap(), Proposed::TooMany);
    propose(&anna, &other, &Action::Unblock);
    assert!(anna.end_proposal(&ids[7]).unwrap());
    propose(&anna, &account, &Action::Unblock);
    assert_eq!(anna.propose(&account, &Action::Unblock, &reason()).unwrap(), Proposed::TooMany);
    assert_eq!(world.authority.proposals(Some(&account)).unwrap().len(), 20);
    assert_eq!(world.authority.proposals(None).unwrap().len(), 21);
    world.clock.forward(DAY);
    propose(&anna, &account, &Action::Unblock);
}

/// A double click, or two operators that ask for the same.
#[test]
fn an_approval_ends_the_other_proposals_of_the_same_action() {
    let (world, account, device) = blocked();
    let other = Device::activate(&world, &world.account("other"), "1234");
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    let [first, second] = [(); 2].map(|()| propose(&anna, &account, &Action::Unblock));
    let of_bob = propose(&bob, &account, &Action::Unblock);
    let removals = [(); 2].map(|()| propose(&anna, &account, &removal(&device)));
    let of_other = propose(&anna, &AccountName::new("other").unwrap(), &removal(&other));
    assert_eq!(bob.approve_proposal(&first).unwrap(), Approved::Unblocked(Unblock::Lifted));
    // A later block stays until operators decide on it.
    (0..5).for_each(|_| drop(device.ask(&world.authority, "9999")));
    assert!(is_blocked(&world, &account));
    for id in [&second, &of_bob] {
        assert_eq!(operator(&world, "carl").approve_proposal(id).unwrap(), Approved::Unknown);
    }
    assert!(is_blocked(&world, &account));
    assert_eq!(bob.approve_proposal(&removals[1]).unwrap(), Approved::DeviceRemoved);
    assert_eq!(bob.approve_proposal(&removals[0]).unwrap(), Approved::Unknown);
    assert_eq!(
        world.authority.proposals(None).unwrap().into_iter().map(|open| open.id).collect::<Vec<_>>(),
        [of_other]
    );
}

/// The list shows each open proposal, so each can be decided, whatever one operator proposes.
#[test]
fn one_operator_leaves_room_for_the_proposals_of_others() {
    let world = World::new();
    let accounts: Vec<AccountName> = (0..6).map(|number| world.account(&format!("user{number}"))).collect();
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    for account in &accounts[..5] {
        (0..20).for_each(|_| drop(propose(&anna, account, &Action::Unblock)));
    }
    assert_eq!(anna.propose(&accounts[5], &Action::Unblock, &reason()).unwrap(), Proposed::TooMany);
    world.clock.forward(1);
    let id = propose(&bob, &accounts[5], &Action::Unblock);
    let open = world.authority.proposals(None).unwrap();
    assert_eq!((open.len(), &open[100].id), (101, &id));
    assert!(anna.end_proposal(&open[0].id).unwrap());
    propose(&anna, &accounts[5], &Action::Unblock);
}

#[test]
fn nothing_is_proposed_for_no_account_and_no_device() {
    let world = World::new();
    let (account, other) = (world.account("user"), world.account("other"));
    let device = Device::activate(&world, &other, "1234");
    let anna = operator(&world, "anna");
    let nobody = AccountName::new("nobody").unwrap();
    assert_eq!(anna.propose(&nobody, &Action::Unblock, &reason()).unwrap(), Proposed::NoAccount);
    for id in ["", "\0", "x", &device.id, &device.id[..8], &"x".repeat(100_000)] {
        let action = Action::RemoveDevice { id: id.to_owned() };
        assert_eq!(anna.propose(&account, &action, &reason()).unwrap(), Proposed::NoDevice);
    }
    let unknown = "0".repeat(32);
    for id in ["", "\0", "%", "0", &unknown, &"\0".repeat(32), &"0".repeat(1_000_000)] {
        assert_eq!(anna.approve_proposal(id).unwrap(), Approved::Unknown);
        assert!(!anna.end_proposal(id).unwrap());
    }
    assert_eq!(world.rows(&["operator_proposals"]), [""; 0]);
}

#[test]
fn an_action_that_is_done_already_says_so() {
    let (world, account, device) = blocked();
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    let unblock = propose(&anna, &account, &Action::Unblock);
    let remove = propose(&anna, &account, &removal(&device));
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    assert!(world.authority.remove_device(&account, &device.id).unwrap());
    assert_eq!(bob.approve_proposal(&unblock).unwrap(), Approved::Unblocked(Unblock::NotBlocked));
    assert_eq!(bob.approve_proposal(&remove).unwrap(), Approved::NothingToDo);
    assert_eq!(world.authority.proposals(None).unwrap(), []);
    assert_eq!(rows(&world, &account, "operator.approved").len(), 2);
    assert_eq!(
        (rows(&world, &account, "device.removed").len(), rows(&world, &account, "account.unblocked").len()),
        (1, 1)
    );
}

#[test]
fn a_block_that_only_a_new_pin_ends_is_not_lifted_by_two_operators_either() {
    let world = World::with(Policy { pin_budget: 3, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    (0..3).for_each(|_| drop(device.ask(&world.authority, "9999")));
    let id = propose(&operator(&world, "anna"), &account, &Action::Unblock);
    let approved = operator(&world, "bob").approve_proposal(&id).unwrap();
    assert_eq!(approved, Approved::Unblocked(Unblock::PinBudgetSpent));
    assert!(is_blocked(&world, &account));
}

#[test]
fn the_removal_of_an_account_removes_its_proposals() {
    let (world, account, _) = blocked();
    let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
    let other = world.account("other");
    let (id, kept) = (propose(&anna, &account, &Action::Unblock), propose(&anna, &other, &Action::Unblock));
    assert!(world.authority.remove_account(&account).unwrap());
    // Another account with the same name is another account.
    world.account("user");
    assert_eq!(bob.approve_proposal(&id).unwrap(), Approved::Unknown);
    assert_eq!(world.authority.proposals(None).unwrap().into_iter().map(|open| open.id).collect::<Vec<_>>(), [kept]);
}

#[test]
fn the_removal_of_the_enrollments_leaves_a_proposal_with_nothing_to_do() {
    let (world, account, device) = blocked();
    let id = propose(&operator(&world, "anna"), &account, &removal(&device));
    world.cvs(&account, CvsRequest::RemoveEnrollments);
    assert_eq!(operator(&world, "bob").approve_proposal(&id).unwrap(), Approved::NothingToDo);
}

/// A program without the master key turns a proposal into another one, or makes one.
#[test]
fn an_altered_proposal_is_reported_and_runs_nothing() {
    let (world, account, device) = blocked();
    let bob = operator(&world, "bob");
    let id = propose(&operator(&world, "anna"), &account, &Action::Unblock);
    for change in [
        "made_by = 'operator:carol'",
        &format!("action = 'removeDevice', device = '{}'", device.id),
        "made_at = made_at + 1",
        "reason = 'another'",
        "mac = NULL",
    ] {
        world.database.execute("CREATE TABLE saved AS SELECT * FROM operator_proposals");
        world.database.execute(&format!("UPDATE operator_proposals SET {change}"));
        for failure in [
            bob.approve_proposal(&id).unwrap_err(),
            bob.end_proposal(&id).unwrap_err(),
            bob.proposals(Some(&account)).unwrap_err(),
            bob.propose(&account, &Action::Unblock, &reason()).unwrap_err(),
        ] {
            let is_altered = matches!(&failure, Failure::Altered { table: "operator_proposals", account: Some(name) } if name == "user");
            assert!(is_altered, "{change}: {failure}");
        }
        world.database.execute(
            "DELETE FROM operator_proposals; INSERT INTO operator_proposals SELECT * FROM saved; DROP TABLE saved",
        );
    }
    assert!(rows(&world, &account, "row.altered").iter().map(|row| row.count).sum::<u64>() >= 20);
    assert!(is_blocked(&world, &account));
    assert_eq!(bob.approve_proposal(&id).unwrap(), Approved::Unblocked(Unblock::Lifted));
}

/// Each operator works at another instance.
#[test]
fn of_two_approvals_at_once_one_runs_the_action() {
    for round in 0..5 {
        let (world, account, device) = blocked();
        let actions = [Action::Unblock, removal(&device)];
        let id = propose(&operator(&world, "anna"), &account, &actions[round % 2]);
        let instances = [(); 3].map(|()| world.another(Policy { evolve_k1_every: 0, ..Policy::default() }));
        let approved: Vec<Approved> = std::thread::scope(|scope| {
            let threads: Vec<_> = instances
                .iter()
                .zip(["bob", "carol", "dave"])
                .map(|(instance, name)| {
                    let (service, id) = (instance.acting_as(&Actor::Operator(name.into()), None), &id);
                    scope.spawn(move || service.approve_proposal(id).unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(approved.iter().filter(|approved| **approved == Approved::Unknown).count(), 2, "{approved:?}");
        for (event, count) in
            [("operator.approved", 1), ("account.unblocked", (round + 1) % 2), ("device.removed", round % 2)]
        {
            assert_eq!(rows(&world, &account, event).len(), count, "{event}");
        }
    }
}

#[test]
fn of_an_approval_and_an_end_at_once_one_counts() {
    for _ in 0..5 {
        let (world, account, _) = blocked();
        let (anna, bob) = (operator(&world, "anna"), operator(&world, "bob"));
        let id = propose(&anna, &account, &Action::Unblock);
        let (approved, ended) = std::thread::scope(|scope| {
            let approved = scope.spawn(|| bob.approve_proposal(&id).unwrap() == Approved::Unblocked(Unblock::Lifted));
            let ended = scope.spawn(|| anna.end_proposal(&id).unwrap());
            (approved.join().unwrap(), ended.join().unwrap())
        });
        assert_ne!(approved, ended);
        assert_eq!(is_blocked(&world, &account), ended);
    }
}

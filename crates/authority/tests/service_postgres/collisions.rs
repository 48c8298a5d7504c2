//! Steps that run at once: those of different accounts never collide, and those of one account
//! leave the state that one after the other would leave.

use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use authority::{
    AccountName, Authority, CvsAnswer, CvsRequest, Database, DeviceName, KeyRing, KeySize, MasterKey, Options, Policy,
    Postgres, Purpose, Verdict,
};
use inwebo::values::{Approval, ApprovalNumber};
use postgres::Client;

use crate::database::TestDatabase;
use crate::device::{Answer, Device, Keys, activation, pin, serial, setup};
use crate::world::{MASTER, World};

/// The longest wait for a condition.
const PATIENT: Duration = Duration::from_secs(60);

/// Returns a service that waits longer for a row than any test keeps it locked.
fn patient(world: &World, connections: u32) -> Authority {
    let mut server = Postgres::new(world.database.url());
    (server.connections, server.statement_timeout) = (connections, PATIENT);
    world.another_with(|options| Options { database: Database::Postgres(server), ..options })
}

/// Waits until this number of steps wait for a row that another step has changed.
fn wait_for_waiting(database: &TestDatabase, count: usize) {
    let sql = format!("SELECT pid::text {} AND wait_event_type = 'Lock'", TestDatabase::BACKENDS);
    let deadline = Instant::now() + PATIENT;
    while database.column(&sql).len() != count {
        assert!(Instant::now() < deadline, "no {count} steps wait for one another");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a step that stops before it writes the row of an account, and then another, which must wait
/// for the first. Then lets the first one end.
fn beside<A: Send, B: Send>(
    world: &World,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    beside_lock(world, "SELECT 1 FROM accounts FOR UPDATE", first, second)
}

/// Runs two steps, each of which waits for a row that this statement locks.
fn beside_lock<A: Send, B: Send>(
    world: &World,
    statement: &str,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    let mut locking: Client = world.database.client();
    let mut lock = locking.transaction().unwrap();
    lock.batch_execute(statement).unwrap();
    std::thread::scope(|scope| {
        let first: ScopedJoinHandle<'_, A> = scope.spawn(first);
        wait_for_waiting(&world.database, 1);
        let second = scope.spawn(second);
        wait_for_waiting(&world.database, 2);
        lock.rollback().unwrap();
        (first.join().unwrap(), second.join().unwrap())
    })
}

/// Runs a step that stops before it writes the row of a device, and then another, which must wait
/// for the first. Then lets the first one end.
fn beside_at_device<A: Send, B: Send>(
    world: &World,
    device: &Device,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    beside_lock(world, &format!("SELECT 1 FROM devices WHERE id = '{}' FOR UPDATE", device.id), first, second)
}

fn prepared() -> (World, AccountName, Device) {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    (world, account, device)
}

/// Answers a challenge of `otp`.
fn answer(service: &Authority, device: &Device, challenge: &str) -> String {
    let more = [("sid", "7001"), ("keytype", "0")];
    device.finalize(service, "otp", &device.proofs(challenge, "1234"), &more).err().to_owned()
}

fn challenge(world: &World, device: &Device) -> String {
    device.setup(&world.authority, "otp", &[("sid", "7001")]).ok().get("challenge").to_owned()
}

#[test]
fn passwords_of_different_accounts_never_collide() {
    const ACCOUNTS: usize = 64;
    let world = World::with(Policy { evolve_k1_every: 0, device_key_bits: KeySize::Bits1024, ..Policy::default() });
    let devices: Vec<(AccountName, Device)> = (0..ACCOUNTS)
        .map(|number| {
            let account = world.account(&format!("user{number}"));
            let device = Device::activate(&world, &account, "1234");
            (account, device)
        })
        .collect();
    let service = patient(&world, 64);
    // The server now knows that some tables are nearly empty.
    world.database.execute("VACUUM ANALYZE");
    for threads in [8, ACCOUNTS] {
        let before = service.retries();
        std::thread::scope(|scope| {
            for part in devices.chunks(ACCOUNTS / threads) {
                let service = &service;
                scope.spawn(move || {
                    for (account, device) in part.iter().cycle().take(20) {
                        let password = device.made(service, "1234");
                        assert_eq!(service.verify_otp(account, &password).unwrap(), Verdict::Accepted);
                    }
                });
            }
        });
        assert_eq!(service.retries() - before, 0, "retries of {} passwords, {threads} at once", 20 * threads);
    }
}

#[test]
fn activations_and_tokens_of_different_accounts_never_collide() {
    const THREADS: usize = 8;
    let world = World::new();
    let accounts: Vec<AccountName> = (0..THREADS).map(|number| world.account(&format!("user{number}"))).collect();
    let codes: Vec<String> = accounts.iter().map(|account| world.code(account, Purpose::Enrollment)).collect();
    let service = patient(&world, 64);
    world.database.execute("VACUUM ANALYZE");
    std::thread::scope(|scope| {
        for (account, code) in accounts.iter().zip(&codes) {
            let service = &service;
            scope.spawn(move || {
                let keys =
                    Keys::read(&Answer::of(service, Some(account), &setup("activate", "", &[("code", code)])).ok());
                let (serial, chosen) = (serial(), pin("1234"));
                let request = activation(&keys, code, &chosen, &serial, None);
                let answer = Answer::of(service, Some(account), &request).ok();
                let (mut device, wanted) = Device::read(&answer, answer.get("id"), &serial, &chosen, &keys.factory);
                device.register(service, &wanted, "1234").ok();
                for _ in 0..5 {
                    let password = device.made(service, "1234");
                    let token = service.exchange_otp(account, &password).unwrap().unwrap();
                    service.rotate_refresh_token(&token).unwrap().unwrap();
                }
            });
        }
    });
    assert_eq!(service.retries(), 0);
}

#[test]
fn no_password_is_made_beside_the_removal_of_the_account() {
    let (world, account, device) = prepared();
    let (service, challenge) = (patient(&world, 8), challenge(&world, &device));
    let (removed, word) =
        beside(&world, || service.remove_account(&account).unwrap(), || answer(&service, &device, &challenge));
    assert!(removed);
    assert_eq!(word, "NOK:NODEVICE");
    assert_eq!(world.rows(&["accounts", "devices", "passwords"]), [""; 0]);
    assert!(service.retries() > 0);
}

#[test]
fn no_password_is_made_beside_the_removal_of_its_device() {
    for by in ["a device", "an app", "an operator"] {
        let (world, account, device) = prepared();
        let other = Device::activate(&world, &account, "1234");
        let (service, challenge) = (patient(&world, 8), challenge(&world, &device));
        let begun = other.setup(&service, "removedevice", &[]).ok().get("challenge").to_owned();
        let remove = || match by {
            "a device" => other.finish_removal(&service, &begun, "1234", &device.id).err() == "OK",
            "an app" => {
                let request = CvsRequest::RemoveDevice { device: &device.id };
                service.cvs(&account, &request).unwrap() == CvsAnswer::Done
            }
            _ => service.remove_device(&account, &device.id[..8]).unwrap(),
        };
        let (removed, word) = beside_at_device(&world, &device, remove, || answer(&service, &device, &challenge));
        assert!(removed, "{by}");
        assert_eq!(word, "NOK:NODEVICE", "{by}");
        assert_eq!(world.rows(&["passwords"]), [""; 0], "{by}");
        assert!(service.retries() > 0, "{by}");
    }
}

#[test]
fn a_password_that_was_made_before_the_removal_of_its_device_ends_with_it() {
    let (world, account, device) = prepared();
    let (service, challenge) = (patient(&world, 8), challenge(&world, &device));
    let remove = || service.remove_device(&account, &device.id).unwrap();
    let (word, removed) = beside_at_device(&world, &device, || answer(&service, &device, &challenge), remove);
    assert_eq!((word.as_str(), removed), ("OK", true));
    assert_eq!(world.rows(&["passwords"]), [""; 0]);
    assert_eq!(device.status(&service), "NOK:NODEVICE");
}

/// A step that gives a device another name has read its row before the device changed it.
#[test]
fn another_name_beside_the_work_of_a_device_puts_no_older_row_back() {
    let (world, account, device) = prepared();
    let (service, challenge) = (patient(&world, 8), challenge(&world, &device));
    let name = DeviceName::new("Phone").unwrap();
    let (word, renamed) = beside_at_device(
        &world,
        &device,
        || answer(&service, &device, &challenge),
        || service.rename_device(&account, &device.id, &name).unwrap(),
    );
    assert_eq!((word.as_str(), renamed), ("OK", true));
    assert!(service.retries() > 0);
    // The password was counted, and the challenge is used up.
    let counted = world.database.column("SELECT passwords_of_day::text FROM devices");
    assert_eq!(counted, ["1"]);
    assert_eq!(answer(&service, &device, &challenge), "NOK:STATE");
    assert_eq!(service.devices(&account).unwrap()[0].name, "Phone");
}

#[test]
fn no_password_is_made_beside_a_new_pin() {
    let (world, account, device) = prepared();
    let other = Device::activate(&world, &account, "1234");
    let (service, challenge) = (patient(&world, 8), challenge(&world, &other));
    let (changed, word) = beside(
        &world,
        || device.change_pin(&service, "1234", "8462").err().to_owned(),
        || answer(&service, &other, &challenge),
    );
    // It is the old PIN now, a wrong one.
    assert_eq!((changed.as_str(), word.as_str()), ("OK", "NOK:ACCESS"));
    assert_eq!(world.rows(&["passwords"]), [""; 0]);
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_tries, 1);
}

#[test]
fn no_password_and_no_token_outlive_the_enrollments() {
    let (world, account, device) = prepared();
    let password = device.made(&world.authority, "1234");
    let exchanged = device.made(&world.authority, "1234");
    let token = world.token(&account, &device);
    let service = patient(&world, 8);
    let remove = || service.cvs(&account, &CvsRequest::RemoveEnrollments).unwrap();
    assert_eq!(world.rows(&["passwords", "refresh_tokens"]).len(), 3);
    let (_, verdict) = beside(&world, remove, || service.verify_otp(&account, &password).unwrap());
    assert_eq!(verdict, Verdict::Refused);
    assert_eq!(world.rows(&["passwords", "refresh_tokens"]), [""; 0]);
    assert!(service.exchange_otp(&account, &exchanged).unwrap().is_none());
    assert!(service.rotate_refresh_token(&token).unwrap().is_none());
}

#[test]
fn no_token_is_granted_or_rotated_beside_the_end_of_the_pin() {
    let (world, account, device) = prepared();
    let password = device.made(&world.authority, "1234");
    let service = patient(&world, 8);
    let remove = || service.cvs(&account, &CvsRequest::RemoveEnrollments).unwrap();
    let (_, token) = beside(&world, remove, || service.exchange_otp(&account, &password).unwrap());
    assert!(token.is_none());
    let device = Device::activate(&world, &account, "1234");
    let token = world.token(&account, &device);
    let (_, next) = beside(&world, remove, || service.rotate_refresh_token(&token).unwrap());
    assert!(next.is_none());
    assert_eq!(world.rows(&["passwords", "refresh_tokens"]), [""; 0]);
}

#[test]
fn a_wrong_pin_beside_a_change_of_the_account_counts() {
    let (world, account, device) = prepared();
    let other = Device::activate(&world, &account, "1234");
    let service = patient(&world, 8);
    let wrong = |device: &Device| device.ask(&service, "9999").err().to_owned();
    // Both wait for the row of the account, and one after the other writes it.
    let (first, second) = beside(&world, || wrong(&device), || wrong(&other));
    assert_eq!((first.as_str(), second.as_str()), ("NOK:ACCESS", "NOK:ACCESS"));
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.pin_tries, info.pin_wrong), (2, 2));
}

#[test]
fn wrong_pins_that_come_at_once_block_once_and_are_counted_exactly() {
    let world = World::with(Policy { max_pin_tries: 5, codes_per_hour: 100, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let devices: Vec<Device> = (0..8).map(|_| Device::activate(&world, &account, "1234")).collect();
    let service = &patient(&world, 8);
    std::thread::scope(|scope| {
        for device in &devices {
            scope.spawn(move || (0..3).for_each(|_| drop(device.ask(service, "9999"))));
        }
    });
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.blocked, info.pin_tries, info.pin_wrong), (true, 5, 5));
    assert_eq!((world.count("pin.refused"), world.count("account.blocked")), (5, 1));
}

#[test]
fn two_wrong_pins_after_a_block_that_ended_by_itself_have_one_try() {
    let policy = Policy { max_pin_tries: 1, pin_block_seconds: 60, evolve_k1_every: 0, ..Policy::default() };
    let world = World::with(policy.clone());
    let account = world.account("user");
    let (device, other) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    let mut server = Postgres::new(world.database.url());
    (server.connections, server.statement_timeout) = (8, PATIENT);
    let service = world.another_with(|options| Options { database: Database::Postgres(server), policy, ..options });
    device.ask(&service, "9999");
    let seconds = |device: &Device, digits: &str| {
        device.ask(&service, digits).find("retryAfterSeconds").map(|seconds| seconds.parse::<u32>().unwrap())
    };
    world.clock.forward(60);
    // Both steps see the block that is over. The second one runs again, and sees the next block.
    let wrong = |device: &Device| seconds(device, "9999");
    assert_eq!(beside(&world, || wrong(&device), || wrong(&other)), (Some(120), Some(120)));
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.pin_wrong, world.count("account.blocked_for_a_time")), (2, 2));
    // A right PIN that comes second is refused.
    world.clock.forward(120);
    let right = || seconds(&other, "1234");
    assert_eq!(beside(&world, || wrong(&device), right), (Some(240), Some(240)));
    // A right PIN that comes first lifts the block, and the wrong one begins a series.
    world.clock.forward(240);
    assert_eq!(beside(&world, right, || wrong(&device)), (None, Some(60)));
}

/// Runs a step of eight threads at once. Returns how often it succeeded.
fn at_once(step: impl Fn() -> bool + Sync) -> usize {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(&step)).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    })
}

#[test]
fn what_is_used_once_is_used_once_however_many_ask_at_once() {
    let (world, account, device) = prepared();
    let service = patient(&world, 8);
    for _ in 0..5 {
        let challenge = challenge(&world, &device);
        assert_eq!(at_once(|| answer(&service, &device, &challenge) == "OK"), 1);
        let password = device.made(&world.authority, "1234");
        let accepted = at_once(|| service.verify_otp(&account, &password).unwrap() == Verdict::Accepted);
        assert_eq!(accepted, 1);
        let password = device.made(&world.authority, "1234");
        assert_eq!(at_once(|| service.exchange_otp(&account, &password).unwrap().is_some()), 1);
    }
    let token = world.token(&account, &device);
    assert_eq!(at_once(|| service.rotate_refresh_token(&token).unwrap().is_some()), 1);
    // It was shown again: its whole family is gone.
    let families = world.database.column("SELECT DISTINCT family FROM refresh_tokens WHERE used <> 0");
    assert_eq!(families, [""; 0]);
}

#[test]
fn a_code_activates_one_device_however_many_ask_at_once() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let service = patient(&world, 8);
    let request = setup("activate", "", &[("code", &code)]);
    let keys = Keys::read(&Answer::of(&service, Some(&account), &request).ok());
    let activated = at_once(|| {
        let request = activation(&keys, &code, &pin("1234"), &serial(), None);
        Answer::of(&service, Some(&account), &request).err() == "OK"
    });
    assert_eq!(activated, 1);
    assert_eq!(world.rows(&["devices"]).len(), 1);
}

#[test]
fn a_password_beside_a_rotation_of_the_master_key_loses_nothing() {
    let (world, account, device) = prepared();
    let both = || KeyRing::new(MasterKey::new(2, [9; 32])).with(MasterKey::new(1, MASTER)).unwrap();
    let rotating = world.another_with(|options| Options { master_key: both(), ..options });
    let passwords = std::thread::scope(|scope| {
        let (rotating, device) = (&rotating, &device);
        let rotation = scope.spawn(move || while !rotating.rekey(1).unwrap().done {});
        let passwords: Vec<String> = (0..10).map(|_| device.made(rotating, "1234")).collect();
        rotation.join().unwrap();
        passwords
    });
    let check = rotating.verify_rows(|_| true).unwrap();
    assert_eq!(check.altered, 0, "{check:?}");
    assert_eq!(world.rows(&["passwords"]).len(), passwords.len());
    for password in &passwords {
        assert_eq!(rotating.verify_otp(&account, password).unwrap(), Verdict::Accepted);
    }
    drop(rotating);
    let alone = world.another_with(|options| Options { master_key: MasterKey::new(2, [9; 32]).into(), ..options });
    device.ask(&alone, "1234").ok();
}

#[test]
fn housekeeping_beside_passwords_removes_the_expired_ones_alone() {
    let (world, account, device) = prepared();
    let service = patient(&world, 8);
    for _ in 0..20 {
        device.made(&service, "1234");
    }
    world.clock.forward(24 * 3600);
    let live = std::thread::scope(|scope| {
        let pruning = scope.spawn(|| service.prune(400).unwrap().passwords);
        let live: Vec<String> = (0..5).map(|_| device.made(&service, "1234")).collect();
        assert_eq!(pruning.join().unwrap(), 20);
        live
    });
    assert_eq!(world.rows(&["passwords"]).len(), 5);
    for password in &live {
        assert_eq!(service.verify_otp(&account, password).unwrap(), Verdict::Accepted);
    }
}

/// An account with a device, and a new one that waits for its approval.
struct Approving {
    world: World,
    account: AccountName,
    first: Device,
    new: Device,
    service: Authority,
}

impl Approving {
    fn new() -> Self {
        let policy =
            Policy { activation_approval: true, device_notices: true, evolve_k1_every: 0, ..Policy::default() };
        let world = World::with(policy.clone());
        let account = world.account("user");
        let (first, new) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
        let mut server = Postgres::new(world.database.url());
        (server.connections, server.statement_timeout) = (8, PATIENT);
        let service = world.another_with(|options| Options { database: Database::Postgres(server), policy, ..options });
        Self { world, account, first, new, service }
    }

    fn challenge(&self) -> String {
        self.first.setup(&self.service, "checkpush", &[]).ok().get("challenge").to_owned()
    }

    fn approve(&self, challenge: &str) -> String {
        let number = ApprovalNumber::of(&self.new.id, &self.new.serial, &self.new.k0);
        let bound = Approval::Approve(&number).challenge(challenge, &self.new.id);
        let more = [("device", self.new.id.as_str()), ("number", number.as_str())];
        self.first.finalize(&self.service, "checkpush", &self.first.proofs(&bound, "1234"), &more).err().to_owned()
    }

    fn reject(&self, challenge: &str) -> String {
        let bound = Approval::Reject.challenge(challenge, &self.new.id);
        let more = [("device", self.new.id.as_str()), ("reject", "1")];
        self.first.finalize(&self.service, "checkpush", &self.first.proofs(&bound, "1234"), &more).err().to_owned()
    }

    /// Returns the last request of the activation of a further device.
    fn next_device(&self) -> String {
        let Self { world, account, service, .. } = self;
        let code = world.code(account, Purpose::Enrollment);
        let keys = Keys::read(&Answer::of(service, Some(account), &setup("activate", "", &[("code", &code)])).ok());
        activation(&keys, &code, &pin("1234"), &serial(), None)
    }

    /// Returns the events and their numbers.
    fn events(&self) -> Vec<String> {
        self.world.database.column("SELECT number || ' ' || event FROM account_events ORDER BY number")
    }
}

#[test]
fn an_approval_beside_the_activation_of_the_next_device_counts_and_that_device_waits() {
    let approving = Approving::new();
    let Approving { world, account, new, service, .. } = &approving;
    let challenge = approving.challenge();
    let request = approving.next_device();
    let activate = || Answer::of(service, Some(account), &request).find("approval").map(str::to_owned);
    let (word, waits) = beside_at_device(world, new, || approving.approve(&challenge), activate);
    assert_eq!((word.as_str(), waits.as_deref()), ("OK", Some("1")));
    assert!(service.retries() > 0);
    new.ask(service, "1234").ok();
    assert_eq!((world.count("device.approved"), world.count("device.not_confirmed")), (1, 0));
    assert_eq!(approving.events(), ["1 newDevice", "2 newDevice"]);
}

#[test]
fn an_activation_beside_an_approval_replaces_the_device_and_the_approval_is_refused() {
    let approving = Approving::new();
    let Approving { world, account, new, service, .. } = &approving;
    let challenge = approving.challenge();
    let request = approving.next_device();
    let activate = || Answer::of(service, Some(account), &request).err().to_owned();
    let (activated, word) = beside_at_device(world, new, activate, || approving.approve(&challenge));
    assert_eq!((activated.as_str(), word.as_str()), ("OK", "NOK:STATE"));
    assert_eq!(new.status(service), "NOK:NODEVICE");
    assert_eq!((world.count("device.approved"), world.count("device.not_confirmed")), (0, 1));
}

#[test]
fn a_rejection_beside_a_wrong_pin_blocks_once() {
    let approving = Approving::new();
    let Approving { world, account, first, new, service } = &approving;
    let challenge = approving.challenge();
    let wrong = || first.ask(service, "9999").err().to_owned();
    let (rejected, word) = beside(world, || approving.reject(&challenge), wrong);
    assert_eq!((rejected.as_str(), word.as_str()), ("OK", "NOK:NOK_BLOCKED"));
    let info = service.account(account).unwrap().unwrap();
    assert_eq!((info.blocked, info.pin_wrong, world.count("account.blocked")), (true, 0, 1));
    assert_eq!(new.status(service), "NOK:NODEVICE");
    assert_eq!(approving.events(), ["1 newDevice", "2 block", "3 deviceRejected"]);
}

#[test]
fn events_beside_each_other_have_numbers_of_their_own() {
    let approving = Approving::new();
    let Approving { world, account, service, .. } = &approving;
    let challenge = approving.challenge();
    assert_eq!(approving.approve(&challenge), "OK");
    let remove = || service.remove_device(account, &approving.new.id).unwrap();
    let number = "+33698765432";
    let code = world.number_code(account, number);
    let request = CvsRequest::ModifyPhoneNumber { sms_code: &code, phone_number: number };
    let (removed, modified) = beside(world, remove, || service.cvs(account, &request).unwrap());
    assert_eq!((removed, modified), (true, CvsAnswer::Done));
    assert_eq!(approving.events()[2..], ["3 deviceRemoved", "4 phoneNumber"]);
    assert_eq!(service.verify_rows(|_| true).unwrap().altered, 0);
}

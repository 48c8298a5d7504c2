//! Secrets in the memory of the program, and the processes that may read it.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::{Command, Stdio};

use authority::Purpose;
use hmac::digest::FixedOutput;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::device::{Device, Scene};
use crate::world::{BANK, Setup, TOKEN, World, is_optimized, token};

/// A master key that occurs nowhere by chance.
const MASTER: [u8; 32] = *b"\x93\xf1\x0c\x5e\xd8\x27\xb4\x6a\x1f\xe0\x72\xc9\x3d\x84\xaf\x56\
                            \xeb\x19\x48\xd3\x7c\xa5\x02\x6f\xbe\x31\x97\xda\x40\x8b\xf6\x25";
const PIN: &str = "73519264";
const OTHER_PIN: &str = "48206173";

/// The memory of a process that was written since it began.
struct Memory(Vec<Vec<u8>>);

impl Memory {
    /// Reads the memory as root may.
    fn of(process: u32) -> Self {
        const PAGE: usize = 4096;
        let file = File::open(format!("/proc/{process}/mem")).unwrap();
        let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
        let mut areas = Vec::new();
        for line in maps.lines() {
            let (range, rest) = line.split_once(' ').unwrap();
            let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
            let (start, end) = range.split_once('-').map(|(start, end)| (number(start), number(end))).unwrap();
            if !rest.starts_with("rw") {
                continue;
            }
            let (mut area, mut page) = (Vec::new(), [0; PAGE]);
            for place in (start..end).step_by(PAGE) {
                // A page that was never written is zeros: it ends the area before it.
                if file.read_exact_at(&mut page, place).is_ok() && page != [0; PAGE] {
                    area.extend_from_slice(&page);
                } else if !area.is_empty() {
                    areas.push(std::mem::take(&mut area));
                }
            }
            areas.push(area);
        }
        Self(areas)
    }

    fn copies(&self, wanted: &[u8]) -> usize {
        let (first, rest) = wanted.split_first().unwrap();
        let found = |area: &Vec<u8>| {
            let begins = area.iter().enumerate().filter(|(_, byte)| *byte == first);
            begins.filter(|(place, _)| area[place + 1..].starts_with(rest)).count()
        };
        self.0.iter().map(found).sum()
    }
}

/// Returns the key that the service derives from its master key for a purpose.
fn derived(purpose: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&MASTER).unwrap();
    for part in ["pims-authority", purpose] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize_fixed().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs the life of an account, with every kind of secret in it. Returns the secrets by name.
fn live(world: &World) -> Vec<(&'static str, String)> {
    let alice = world.account("alice");
    let code = world.sent_code(&alice, Purpose::Enrollment);
    let device = Device::activate_with(world, &alice, &code, PIN);
    let shown = device.made(&world.client, PIN);
    assert_eq!(world.authenticate("alice", &shown), "OK");
    let exchanged = device.made(&world.client, PIN);
    let body = json!({"grant_type": "password", "password": exchanged});
    let granted = world.ask("POST", TOKEN, Some(&token("alice")), Some(&body)).json();
    let refresh = granted["refresh_token"].as_str().unwrap().to_owned();
    let body = json!({"grant_type": "refresh_token", "refresh_token": refresh});
    assert_eq!(world.ask("POST", TOKEN, Some(&token("alice")), Some(&body)).status, 200);
    let reset = world.sent_code(&alice, Purpose::ResetPin);
    device.reset_pin(&world.client, &reset, OTHER_PIN).ok();
    vec![
        ("code", code),
        ("password at /FS", shown),
        ("password at the token exchange", exchanged),
        ("refresh", refresh),
    ]
}

/// The number of copies of a key that the heap may hold.
const HELD: usize = 1;

/// Returns the additional copies on the stacks of a build without optimization. There the compiler
/// copies moved values, and each thread that worked has a stack.
fn left_over() -> usize {
    if is_optimized() { 0 } else { 16 }
}

#[test]
fn the_master_key_and_pins_leave_no_copies_behind() {
    let setup = Setup::new();
    setup.write("master.key", &hex(&MASTER));
    let world = setup.start();
    let secrets = live(&world);
    for _ in 0..100 {
        world.ask("GET", "/healthz", None, None);
    }
    let memory = Memory::of(world.process.id());
    // The search finds known texts: those of the configuration, and the sealing key.
    assert!(memory.copies(b"https://authority.example") > 0 && memory.copies(BANK.as_bytes()) > 0);
    assert!(memory.copies(&derived("sealing")) >= HELD, "the key that seals is on the heap");
    // Not asserted: most of these stand in buffers of the HTTP library.
    for (name, secret) in &secrets {
        println!("{name}: {} copies", memory.copies(secret.as_bytes()));
    }
    for purpose in ["sealing", "codes", "passwords", "tokens", "rows"] {
        let copies = memory.copies(&derived(purpose));
        println!("the key of {purpose}: {copies} copies");
        assert!(copies <= HELD + left_over(), "the key of {purpose}: {copies}");
    }
    // The keys from it were derived at the start. It is not needed after that, in any form.
    assert_eq!(memory.copies(&MASTER), 0, "the master key");
    assert_eq!(memory.copies(hex(&MASTER).as_bytes()), 0, "the master key in hex");
    for pin in [PIN, OTHER_PIN] {
        assert_eq!(memory.copies(pin.as_bytes()), 0, "a PIN");
    }
}

/// Returns a line of a file in `/proc`, without its name.
fn line(process: u32, file: &str, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{process}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} is not in {text}")).trim().to_owned()
}

#[test]
fn the_process_cannot_be_dumped_and_its_memory_is_locked() {
    let world = Setup::new().set("process.lock_memory", "required").start();
    let process = world.process.id();
    let core: Vec<String> =
        line(process, "limits", "Max core file size").split_whitespace().map(str::to_owned).collect();
    assert_eq!(core[..2], ["0", "0"], "soft and hard limit");
    assert_ne!(line(process, "status", "VmLck:"), "0 kB");
    assert!(!world.log.text().contains("memory is not locked"));
}

#[test]
fn another_process_of_the_user_cannot_read_the_memory() {
    // As a user other than root: even the owner of /proc/PID of an undumpable process is root. That
    // user does not reach the tests' PostgreSQL.
    let setup = Setup::development().set("process.lock_memory", "no");
    let folder = setup.folder.path();
    for file in fs::read_dir(folder).unwrap() {
        std::os::unix::fs::chown(file.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    std::os::unix::fs::chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    let program = folder.join("pims-authority");
    crate::two_users::copy_program(&crate::world::program(), &program);
    let world = setup.start_by(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], &program);
    let process = world.process.id();
    assert_eq!(fs::metadata(format!("/proc/{process}/mem")).unwrap().uid(), 0);
    let reader = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "head", "-c1"])
        .arg(format!("/proc/{process}/environ"))
        .output()
        .unwrap();
    assert!(!reader.status.success());
    // The process itself still sees its own numbers.
    let metrics = world.operate("GET", "/metrics", Some(crate::world::ADMIN), None).text;
    assert!(metrics.contains("process_resident_memory_bytes ") && !metrics.contains("process_open_fds 0"), "{metrics}");
}

const NOBODY: u32 = 65534;

/// Runs a command of the program without a privilege and with little memory to lock.
fn limited(setup: &Setup, arguments: &[&str]) -> std::process::Output {
    let inner = setup.command(arguments);
    let mut command = Command::new("prlimit");
    command.arg("--memlock=65536:65536").args(["setpriv", "--inh-caps=-all", "--bounding-set=-all"]);
    command.arg(inner.get_program()).args(inner.get_args()).env_clear().current_dir("/");
    command.env("PATH", "/usr/bin:/bin");
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn without_the_privilege_the_service_warns_or_refuses() {
    let said = |output: &std::process::Output| {
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let reason = "RLIMIT_MEMLOCK is 65536 bytes; set LimitMEMLOCK=infinity";
    let tried = limited(&Setup::new(), &["check"]);
    assert!(tried.status.success() && said(&tried).contains(reason), "{}", said(&tried));
    let required = Setup::new().set("process.lock_memory", "required");
    for command in [&["check"][..], &["serve"], &["account", "list"]] {
        let refused = limited(&required, command);
        assert!(!refused.status.success() && said(&refused).contains(reason), "{command:?}: {}", said(&refused));
    }
    let no = limited(&Setup::new().set("process.lock_memory", "no"), &["check"]);
    assert!(no.status.success() && !said(&no).contains("memory"), "{}", said(&no));
    // Without privileges it does not reach the tests' PostgreSQL.
    let listed = limited(&Setup::development(), &["account", "list"]);
    assert!(listed.status.success() && listed.stderr.is_empty(), "{}", said(&listed));
}

#[test]
fn a_command_gives_the_master_key() {
    let setup = Setup::new();
    setup.write("key.sh", "printf 07%.0s $(seq 32)");
    // The environment is a list with commas; relative arguments begin at the configuration.
    let config = fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
    let by = |command: &str| setup.write("config.toml", &config.replace("hex_file = \"master.key\"", command));
    by("command = [\"/bin/sh\", \"key.sh\"]");
    let added = setup.command(&["account", "add", "dora"]).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    // The database knows its key: a file with the same key opens it, another one does not.
    by("hex_file = \"master.key\"");
    assert!(setup.command(&["check", "--connect"]).output().unwrap().status.success());
    let fails = |expected: &str| {
        let output = setup.command(&["check", "--connect"]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(expected), "{told}");
    };
    by("hex_file = \"master.key\"\ncommand = [\"/bin/sh\", \"key.sh\"]");
    fails("master_key.command: master_key.hex_file is given, too");
    by("command = [\"/bin/sh\", \"-c\", \"echo the vault is sealed >&2; exit 4\"]");
    fails("master_key.command: /bin/sh: exit status: 4: the vault is sealed");
    by("command = [\"sh\", \"key.sh\"]");
    fails("`sh` must be an absolute path");
    // A ring of keys: the second key only opens.
    setup.write("second.sh", "printf 08%.0s $(seq 32)");
    by("id = 2\ncommand = [\"/bin/sh\", \"second.sh\"]\nothers = [{ id = 1, command = [\"/bin/sh\", \"key.sh\"] }]");
    let rotated = setup.command(&["migrate", "--rekey"]).output().unwrap();
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    by("id = 2\ncommand = [\"/bin/sh\", \"second.sh\"]\nothers = [{ id = 1, command = \"/bin/false\" }]");
    fails("each must be");
}

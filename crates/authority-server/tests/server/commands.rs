//! The command line, as operators and their scripts use it.

use std::io::Write;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::device::Device;
use crate::world::{Setup, World, start_development, token};

fn run(setup: &Setup, arguments: &[&str], input: &str) -> Output {
    let mut command = setup.command(arguments);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

/// Runs a command that must succeed. Returns its output.
pub(crate) fn says(setup: &Setup, arguments: &[&str]) -> String {
    let output = run(setup, arguments, "");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail. Returns its error text.
pub(crate) fn fails(setup: &Setup, arguments: &[&str], input: &str) -> String {
    let output = run(setup, arguments, input);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_relative_name_of_the_configuration_begins_where_the_command_runs() {
    let setup = Setup::new();
    setup.write("operator.token", &std::fs::read_to_string(setup.folder.path().join("admin.token")).unwrap());
    setup.write("shop.token", &std::fs::read_to_string(setup.folder.path().join("bank.token")).unwrap());
    let folder = setup.folder.path();
    let [parent, name] = [folder.parent().unwrap().as_os_str(), folder.file_name().unwrap()];
    for (from, file) in [
        (parent, std::path::Path::new(name).join("config.toml")),
        (parent, std::path::Path::new(".").join(name).join("config.toml")),
        (folder.as_os_str(), "config.toml".into()),
        (folder.as_os_str(), std::path::Path::new("..").join(name).join("config.toml")),
    ] {
        // Each way to name a file with a secret.
        let output = setup
            .again()
            .set("admin.token_file", "operator.token")
            .set("relying_parties.services", r#"{ shop = { token_file = "shop.token" } }"#)
            .bare_command()
            .current_dir(from)
            .arg("--config")
            .arg(&file)
            .arg("check")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {printed}", file.display());
    }
}

#[test]
fn accounts_are_added_listed_shown_unblocked_and_removed() {
    let setup = Setup::new();
    assert_eq!(says(&setup, &["account", "add", "dora"]), "");
    assert!(fails(&setup, &["account", "add", "dora"], "").contains("this account exists already"));
    let heads = "ACCOUNT  PHONE NUMBER  DEVICES  PIN   WRONG PINS  UNPROVED TRIES\n";
    assert_eq!(
        says(&setup, &["account", "list"]),
        format!("{heads}dora     -             0        none  0           0\n")
    );

    // Beside a service that runs over the same database.
    let world = setup.again().start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    let details = says(&setup, &["account", "show", "alice"]);
    let columns = |line: &str| -> Vec<String> {
        line.split("  ").filter(|cell| !cell.is_empty()).map(|cell| cell.trim().to_owned()).collect()
    };
    let lines: Vec<Vec<String>> = details.lines().map(columns).collect();
    assert_eq!(lines[0], ["ACCOUNT", "PHONE NUMBER", "DEVICES", "PIN", "WRONG PINS", "UNPROVED TRIES"]);
    assert_eq!(lines[1], ["alice", "+33612345678", "1", "set", "0", "0"]);
    assert!(lines[2].is_empty());
    assert_eq!(
        lines[3],
        ["DEVICE", "NAME", "ACTIVATED", "LAST USED", "WRONG PINS", "UNPROVED TRIES", "COPY", "KEYSTORE"]
    );
    assert_eq!(lines[4][..2], [device.id.as_str(), "Android SDK / test"]);
    for time in &lines[4][2..4] {
        is_rfc_3339(time);
    }
    assert_eq!(lines[4][4..], ["0", "0", "-", "-"]);

    for _ in 0..5 {
        device.ask(&world.client, "0000");
    }
    let listed = says(&setup, &["account", "list"]);
    assert!(
        listed.lines().any(|line| columns(line) == ["alice", "+33612345678", "1", "blocked", "5", "0"]),
        "{listed}"
    );
    assert_eq!(says(&setup, &["account", "unblock", "alice"]), "unblocked\n");
    assert_eq!(says(&setup, &["account", "unblock", "alice"]), "not blocked\n");
    device.made(&world.client, "1234");

    assert!(fails(&setup, &["account", "remove", "alice"], "").contains("give --yes"));
    assert_eq!(says(&setup, &["account", "remove", "alice", "--yes"]), "");
    for command in
        [&["account", "show", "alice"][..], &["account", "unblock", "alice"], &["account", "remove", "alice", "--yes"]]
    {
        assert!(fails(&setup, command, "").contains("alice: there is no such account"));
    }
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
}

#[test]
fn a_device_is_named_and_removed_by_a_command() {
    let setup = Setup::new();
    let world = setup.again().start();
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    let device = Device::activate(&world, &alice, "1234");
    let stranger = Device::activate(&world, &bob, "1234");
    let short = &device.id[..8];
    assert_eq!(says(&setup, &["account", "device", "rename", "alice", short, "Ana's phone"]), "");
    assert!(says(&setup, &["account", "show", "alice"]).contains("Ana's phone"));
    for (account, id) in
        [("alice", &stranger.id[..8]), ("alice", &device.id[..7]), ("alice", ""), ("nobody", short), ("bob", short)]
    {
        for command in
            [&["account", "device", "remove", account, id][..], &["account", "device", "rename", account, id, "Phone"]]
        {
            let expected = format!("{account}: the account has no device with this id\n");
            assert_eq!(fails(&setup, command, ""), expected, "{command:?}");
        }
    }
    let refused = fails(&setup, &["account", "device", "rename", "alice", short, "a\u{202e}b"], "");
    assert!(refused.contains("a device's name has 1 to 64 characters"), "{refused}");
    device.made(&world.client, "1234");
    assert_eq!(says(&setup, &["account", "device", "remove", "alice", short]), "");
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
    stranger.made(&world.client, "1234");
    let trail = says(&setup, &["audit", "--account", "alice"]);
    for event in ["device.renamed", "device.removed"] {
        let row = trail.lines().find(|line| line.contains(event)).unwrap();
        assert!(row.contains(&device.id) && row.contains("command"), "{row}");
    }
    assert!(!trail.contains("Ana's"));
}

/// Asserts that a time is in UTC and in a form that people can read.
fn is_rfc_3339(time: &str) {
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00Z", "{time}");
}

#[test]
fn lists_have_heads_and_are_json_for_programs() {
    let setup = Setup::new();
    let json = |arguments: &[&str]| -> serde_json::Value {
        let printed = says(&setup, &[arguments, &["--json"]].concat());
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {printed}"))
    };
    // There is nothing yet.
    assert_eq!(says(&setup, &["account", "list"]), "ACCOUNT  PHONE NUMBER  DEVICES  PIN  WRONG PINS  UNPROVED TRIES\n");
    assert_eq!(json(&["account", "list"]), serde_json::json!({"accounts": []}));
    assert_eq!(says(&setup, &["audit"]), "TIME  EVENT  ACCOUNT  DEVICE  ACTOR  ADDRESS  COUNT  REASON\n");
    assert_eq!(json(&["audit"]), serde_json::json!({"audit": []}));

    let world = setup.again().start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    says(&setup, &["account", "add", "bob"]);
    // The form is that of the admin API.
    let by_http = |path: &str| {
        let reply = world.operate("GET", &format!("/admin/v1/{path}"), Some(crate::world::ADMIN), None);
        serde_json::from_str::<serde_json::Value>(&reply.text).unwrap()
    };
    assert_eq!(json(&["account", "list"]), by_http("accounts"));
    assert_eq!(json(&["account", "list"])["accounts"][1]["name"], "bob");
    let details = json(&["account", "show", "alice"]);
    assert_eq!(details["account"], by_http("accounts/alice"));
    assert_eq!(details["devices"], by_http("accounts/alice/devices")["devices"]);
    assert_eq!(details["devices"][0]["id"], device.id.as_str());
    assert_eq!(json(&["audit", "--account", "alice"]), by_http("audit?account=alice"));

    let trail = says(&setup, &["audit", "--account", "alice"]);
    let mut lines = trail.lines();
    assert!(lines.next().unwrap().starts_with("TIME                  EVENT"), "{trail}");
    for line in lines {
        is_rfc_3339(line.split(' ').next().unwrap());
    }
    // Each cell begins below its head.
    let at = trail.find("ACTOR").unwrap();
    assert!(
        trail.lines().skip(1).all(|line| line[at - 1..].starts_with(' ') && !line[at..].starts_with(' ')),
        "{trail}"
    );
}

#[test]
fn a_password_is_read_from_standard_input_and_is_good_once() {
    let world = World::new();
    let alice = world.account("alice");
    let otp = Device::activate(&world, &alice, "1234").made(&world.client, "1234");
    let check = |otp: &str| run(&world.setup, &["otp", "verify", "alice"], otp);
    assert_eq!(check("abcdefgh\n").status.code(), Some(1));
    let accepted = check(&format!("{otp}\n"));
    assert_eq!((accepted.status.code(), &accepted.stdout[..]), (Some(0), &b"accepted\n"[..]));
    assert_eq!(check(&otp).status.code(), Some(1), "a replay");
}

#[test]
fn a_password_of_another_account_or_an_expired_one_is_refused_by_the_command() {
    let refused = |world: &World, account: &str, otp: &str| {
        let output = run(&world.setup, &["otp", "verify", account], otp);
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{account}: {printed}");
        // The reason is not printed.
        assert!(printed.ends_with("refused\n") && printed.lines().count() == 1, "{account}: {printed}");
    };
    let world = World::new();
    let alice = world.account("alice");
    world.account("bob");
    let device = Device::activate(&world, &alice, "1234");
    let otp = device.made(&world.client, "1234");
    for other in ["bob", "nobody", "Alice"] {
        refused(&world, other, &otp);
    }
    // It is still Alice's.
    assert_eq!(run(&world.setup, &["otp", "verify", "alice"], &otp).status.code(), Some(0));
    assert!(fails(&world.setup, &["otp", "verify", ""], "").contains("an account's name has"));
    assert_eq!(run(&world.setup, &["otp", "verify"], "").status.code(), Some(2), "a command without its argument");

    // Another service over the same database, whose passwords are valid for a second.
    let hasty = world.setup.again().set("policy.otp_lifetime_seconds", 1).start();
    let old = device.made(&hasty.client, "1234");
    std::thread::sleep(Duration::from_millis(1100));
    refused(&world, "alice", &old);
}

#[test]
fn a_master_key_is_changed_while_the_service_knows_both() {
    let setup = Setup::new();
    let device = {
        let world = setup.again().start();
        let alice = world.account("alice");
        Device::activate(&world, &alice, "1234")
    };
    setup.write("second.key", &"08".repeat(32));
    let rotating = || {
        let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
        let both = "id = 2\nhex_file = \"second.key\"\nothers = [{ id = 1, file = \"master.key\" }]";
        setup.write("config.toml", &config.replace("hex_file = \"master.key\"", both));
        setup.again()
    };
    let rotating = rotating();
    let world = rotating.again().start();
    device.made(&world.client, "1234");
    let printed = says(&rotating, &["migrate", "--rekey", "--batch", "2"]);
    assert!(printed.contains("nothing is sealed under another key than the current one"), "{printed}");
    drop(world);

    let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
    setup.write("config.toml", &config.replace("others = [{ id = 1, file = \"master.key\" }]", ""));
    std::fs::remove_file(setup.folder.path().join("master.key")).unwrap();
    let world = setup.again().start();
    assert_eq!(world.authenticate("alice", &device.made(&world.client, "1234")), "OK");
}

#[test]
fn a_configuration_is_checked_whole_and_nothing_of_it_is_repeated() {
    let setup = Setup::new();
    assert_eq!(says(&setup, &["check"]), "the configuration is valid\n");
    let connected = says(&setup, &["check", "--connect"]);
    assert!(connected.ends_with("\nthe configuration is valid\n"), "{connected}");
    let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
    setup.write(
        "config.toml",
        &format!("more = 1\n{}", config.replace("hex_file", "hex").replace("\ngateway = \"", "\ngateway = \"no-")),
    );
    let printed = fails(&setup, &["check"], "");
    for problem in ["more", "master_key.hex", "sms.gateway"] {
        assert!(printed.contains(problem), "no {problem} in {printed}");
    }
    assert!(!printed.contains(&token("alice")), "{printed}");
    assert!(
        fails(&Setup::new().set("database.url", "sqlite:no/folder/x.db"), &["check", "--connect"], "")
            .contains("no/folder")
    );
}

#[test]
fn a_secret_that_everybody_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let setup = Setup::new();
    let token = setup.folder.path().join("admin.token");
    std::fs::set_permissions(&token, PermissionsExt::from_mode(0o640)).unwrap();
    says(&setup, &["check"]);
    std::fs::set_permissions(&token, PermissionsExt::from_mode(0o644)).unwrap();
    let printed = fails(&setup, &["check"], "");
    assert!(printed.contains("admin.token") && printed.contains("open to everybody"), "{printed}");
}

#[test]
fn a_secret_in_a_configuration_that_everybody_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let setup = Setup::development();
    let config = setup.folder.path().join("config.toml");
    let plain = std::fs::read_to_string(&config).unwrap();
    let check = |text: &str, mode: u32| {
        std::fs::write(&config, text).unwrap();
        std::fs::set_permissions(&config, PermissionsExt::from_mode(mode)).unwrap();
        String::from_utf8(run(&setup, &["check"], "").stderr).unwrap()
    };
    // Tokens and secrets occur in it only if an operator put them there.
    let instead = |from: &str, to: &str| plain.replace(from, to);
    assert!(plain.contains("\n[tokens.static]\n"));
    let tokens = "tokens.static";
    let without = &plain[..plain.find("[tokens.static]").unwrap()];
    let without = format!(
        "{without}[tokens]\nissuer = \"https://issuer.example\"\naudience = \"cvs\"\njwks_file = \"keys.json\"\n"
    );
    assert!(!check(&without, 0o644).contains("open to everybody"));
    let key = "ab".repeat(32);
    for (key, text) in [
        (tokens, plain.clone()),
        ("master_key.hex", instead("hex_file = \"master.key\"", &format!("hex = \"{key}\""))),
        ("admin.token", instead("token_file = \"admin.token\"", &format!("token = \"{key}\""))),
        ("database.url", instead("sqlite:authority.db", "postgres://user:word@localhost/authority")),
        ("relying_parties.services", instead("{ token_file = \"bank.token\" }", &format!("{{ token = \"{key}\" }}"))),
        (
            "sms.webhook_headers",
            instead(
                "gateway = \"outbox\"",
                "gateway = \"webhook\"\nwebhook_url = \"https://sms.example\"\nwebhook_template = \"{}\"\n\
                 webhook_headers = { Authorization = \"Bearer secret\" }",
            ),
        ),
    ] {
        let printed = check(&text, 0o644);
        let line = printed.lines().find(|line| line.contains("open to everybody") && line.contains(key));
        assert!(line.is_some(), "{key}: {printed}");
        assert!(!check(&text, 0o640).contains("open to everybody"));
    }
}

#[test]
fn a_secret_in_a_file_of_somebody_else_or_of_a_foreign_group_is_refused() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let setup = Setup::development();
    let file = |name: &str| setup.folder.path().join(name);
    // Only root can make files of other users.
    if file("admin.token").metadata().unwrap().uid() != 0 || chown(file("admin.token"), Some(1), Some(1)).is_err() {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: only root can give files to others\n");
        return;
    }
    chown(file("admin.token"), Some(0), Some(0)).unwrap();
    for (name, key) in
        [("admin.token", "admin.token_file"), ("master.key", "master_key.hex_file"), ("config.toml", "tokens.static")]
    {
        let (path, check) = (file(name), || String::from_utf8(run(&setup, &["check"], "").stderr).unwrap());
        let check_error = |owner, group, mode| {
            chown(&path, Some(owner), Some(group)).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            check()
        };
        // A group without members in this test. The master key's file is its owner's alone in any
        // case.
        for (owner, group, mode, why) in [
            (54_321, 0, 0o600, "it belongs to user 54321"),
            (0, 54_321, 0o640, "group 54321 can read it"),
            (0, 0, 0o660, "its group can change it"),
        ] {
            let printed = check_error(owner, group, mode);
            let line = printed.lines().find(|line| line.contains(key)).unwrap_or_else(|| panic!("{key}: {printed}"));
            assert!(line.contains(why), "{line}");
        }
        assert_eq!(check_error(0, 54_321, 0o600), "");
    }
}

#[test]
fn every_key_is_listed_with_its_variable_and_means_something() {
    /// The keys for which any text is a valid value.
    const TEXTS: [&str; 5] =
        ["tokens.issuer", "tokens.audience", "access_tokens.issuer", "access_tokens.audience", "sms.outbox_file"];
    let setup = Setup::production();
    let listed = says(&setup, &["check", "--keys"]);
    let keys: Vec<&str> = listed.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(keys.len() > 50);
    assert_eq!(says(&setup, &["check"]), "the configuration is valid\n");
    for key in keys {
        let variable = format!("    PIMS_AUTHORITY_{}", key.replace('.', "_").to_uppercase());
        assert!(listed.lines().any(|line| line == variable), "{variable}");
        if !TEXTS.contains(&key) {
            let output = run(&setup.again().set(key, "\u{1}"), &["check"], "");
            let printed = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && printed.contains(key), "{key} is not read: {printed}");
        }
    }
}

#[test]
fn a_newcomer_is_helped() {
    let setup = Setup::new();
    let help = says(&setup, &["--help"]);
    for word in ["serve --dev", "check", "migrate", "account", "otp"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
    for command in [&["serve", "--help"][..], &["account", "--help"], &["otp", "verify", "--help"]] {
        assert!(says(&setup, command).contains("Usage: "));
    }
    assert_eq!(run(&setup, &["no such command"], "").status.code(), Some(2));
    assert!(says(&setup, &["--version"]).starts_with("pims-authority "));
}

#[test]
fn a_development_service_makes_its_files_and_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let dev_folder = folder.path().join("dev");
    let start = || start_development(&dev_folder);
    let printed = start();
    assert!(printed.contains("https://localhost:") && printed.contains("demo.token"), "{printed}");
    let content_of = |name: &str| std::fs::read(dev_folder.join(name)).unwrap();
    let names = ["authority.key", "certificate.pem", "certificate.key", "demo.token", "pims-authority.toml"];
    let before = names.map(content_of);
    start();
    assert_eq!(names.map(content_of), before);
    for name in names {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(dev_folder.join(name)).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "{name} is for its owner alone");
    }
}

//! The program under load, and its SMS.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use authority::AccountName;
use serde_json::Value;
use tempfile::TempDir;

use crate::Database;
use crate::cluster::Cluster;
use crate::issuer::{Issuer, claims_of};

/// The token of the relying party.
pub(crate) const SHOP: &str = "4b7a1c09e2d85f36a0c9187be4d25f631f0a8c7e5d93b264";

/// The token of the operator.
#[cfg(feature = "bulk")]
const OPERATOR: &str = "9e3c5a7d1f2b4860c8e6a4d2b0f19735d7c5b3a1f0e9d8c7";

pub(crate) const PIN: &str = "1234";

/// The file of the configuration: `serve --dev` looks for this name.
const CONFIG_FILE: &str = "pims-authority.toml";

/// The number of accounts: the greatest number of connections.
pub(crate) const ACCOUNTS: usize = 64;

/// A configuration as in production, without the limits and the log.
const CONFIG: &str = r#"
[listen]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
token = "9e3c5a7d1f2b4860c8e6a4d2b0f19735d7c5b3a1f0e9d8c7"
[sms]
gateway = "webhook"
webhook_url = "HOOK"
webhook_template = '{"to": "{to}", "text": "{text}", "code": "{code}"}'
countries = ["any"]
notices = []
retry_attempts = 1
[limits]
address_per_minute = 10000000
account_per_minute = 1000000
party_per_minute = 1000000
wrong_codes_per_address_and_minute = 1000000
wrong_codes_per_minute = 1000000
wrong_otps_per_account_and_minute = 1000000
wrong_otps_per_address_and_minute = 1000000
refused_finalize_per_address_and_minute = 1000000
codes_per_number_and_hour = 1000000
sms_per_minute = 1000000
sms_per_day = 1000000
sms_per_prefix_and_hour = 1000000
connections_per_address = 2048
[policy]
evolve_k1_every = 0
max_devices = 1000000
codes_per_hour = 1000000
codes_per_day = 1000000
[pin]
denied = false
history = 0
[relying_parties.services]
shop = { token = "4b7a1c09e2d85f36a0c9187be4d25f631f0a8c7e5d93b264" }
[tokens]
issuer = "https://login.example"
audience = "pims"
jwks_file = "jwks.json"
[log]
level = "info"
format = "json"
"#;

/// The settings of `serve --dev` in place of an issuer and a webhook. The rest of [`CONFIG`] stays.
const DEVELOPMENT: [(&str, &str); 4] = [
    ("[listen]", "development = true\n[listen]"),
    ("gateway = \"webhook\"\nwebhook_url = \"HOOK\"\n", "gateway = \"outbox\"\noutbox_file = \"sms-outbox.jsonl\"\n"),
    ("webhook_template = '{\"to\": \"{to}\", \"text\": \"{text}\", \"code\": \"{code}\"}'\n", ""),
    (
        "[tokens]\nissuer = \"https://login.example\"\naudience = \"pims\"\njwks_file = \"jwks.json\"\n",
        "[process]\nlock_memory = \"no\"\n[tokens.static]\n",
    ),
];

pub(crate) struct Program {
    pub(crate) address: String,
    /// The address of the operators' listener.
    operators: String,
    /// The address that enters the console of `serve --dev`, if the program has one.
    pub(crate) console: Option<String>,
    process: Child,
    sent: Sent,
    #[cfg_attr(not(feature = "bulk"), allow(dead_code, reason = "it is kept for the program"))]
    folder: TempDir,
    database: Option<String>,
}

/// Returns the token of an account, signed by the issuer. An account always has the same one.
pub(crate) fn token(account: &AccountName) -> String {
    static TOKENS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let sign = || Issuer::standard().sign(&claims_of(account.as_str()));
    TOKENS.lock().unwrap().entry(account.as_str().to_owned()).or_insert_with(sign).clone()
}

impl Program {
    /// Starts the program of this tree.
    pub(crate) fn start(database: &Database) -> Self {
        Self::start_other(Path::new(env!("CARGO_BIN_EXE_pims-authority")), database)
    }

    /// Starts a program, perhaps of another version, in a new folder and over a new database. An
    /// older version refuses keys that it does not know: they are left out then.
    pub(crate) fn start_other(program: &Path, database: &Database) -> Self {
        let made = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Database::new_database()),
        };
        // On the disk that databases lie on, not in memory.
        Self::start_in(program, tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(), made)
    }

    /// Starts `serve --dev` of a program, perhaps of another version, in a new folder. The tokens
    /// of the accounts are those that an issuer would sign.
    pub(crate) fn start_development(program: &Path) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut config = CONFIG.to_owned();
        for (of_production, of_development) in DEVELOPMENT {
            assert!(config.contains(of_production), "{of_production}");
            config = config.replace(of_production, of_development);
        }
        let (head, log) = config.split_once("[log]").unwrap();
        let tokens: String =
            (0..ACCOUNTS).map(crate::load::name).map(|name| format!("{name} = {:?}\n", token(&name))).collect();
        let key = "07".repeat(32);
        let rest = "[database]\nurl = \"sqlite:authority.db\"\n[master_key]\n";
        let config = format!("{head}{tokens}[log]{log}{rest}hex = \"{key}\"\n");
        let sent = Sent::Outbox(folder.path().join("sms-outbox.jsonl"));
        let arguments = ["serve", "--dev", "--port", "0", "--folder"].map(OsString::from);
        let arguments = arguments.into_iter().chain([folder.path().into()]).collect::<Vec<_>>();
        Self::run(program, folder, &arguments, config, (sent, None))
    }

    /// Starts a program in a folder, over the folder's SQLite file or a database on PostgreSQL.
    pub(crate) fn start_in(program: &Path, folder: TempDir, database: Option<String>) -> Self {
        let url = database.as_ref().map_or_else(
            || "sqlite:authority.db".to_owned(),
            |name| {
                let socket = Cluster::shared().data().trim_end_matches("/data").replace('/', "%2F");
                format!("postgres://pims@{socket}/{name}")
            },
        );
        let key = "07".repeat(32);
        let gateway = Gateway::start();
        let config = CONFIG.replace("HOOK", &gateway.url);
        let config = format!("{config}[database]\nurl = {url:?}\n[master_key]\nhex = \"{key}\"\n");
        std::fs::write(folder.path().join("jwks.json"), Issuer::standard().key_set()).unwrap();
        let arguments = ["--config".into(), folder.path().join(CONFIG_FILE).into(), "serve".into()];
        Self::run(program, folder, &arguments, config, (Sent::Gateway(gateway), database))
    }

    /// Runs a program with this configuration, less the keys that the program does not know.
    fn run(
        program: &Path,
        folder: TempDir,
        arguments: &[OsString],
        mut config: String,
        (sent, database): (Sent, Option<String>),
    ) -> Self {
        let [file, output, log] = [CONFIG_FILE, "output", "log"].map(|name| folder.path().join(name));
        loop {
            std::fs::write(&file, &config).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let mut process = Command::new(program)
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(File::create(&output).unwrap())
                .stderr(File::create(&log).unwrap())
                .spawn()
                .unwrap();
            match listening(&mut process, &log) {
                Ok((address, operators)) => {
                    let console = if matches!(sent, Sent::Outbox(_)) { console(&output) } else { None };
                    return Self { address, operators, console, process, sent, folder, database };
                }
                Err(text) => config = without_unknown_keys(&config, &text),
            }
        }
    }

    /// Returns the last code that was sent to a number.
    pub(crate) fn code(&self, number: &str) -> String {
        match &self.sent {
            Sent::Gateway(gateway) => gateway.codes.lock().unwrap().remove(number),
            Sent::Outbox(file) => last_code(file, number),
        }
        .expect("a code was sent")
    }

    /// Returns the size of each table's rows on PostgreSQL, with their indexes.
    pub(crate) fn tables(&self) -> Vec<String> {
        let mut client = self.client();
        let mut line = |table: &str| {
            let sql = format!("SELECT (SELECT count(*) FROM {table}), pg_total_relation_size('{table}')");
            let row = client.query_one(&sql, &[]).unwrap();
            let (rows, bytes): (i64, i64) = (row.get(0), row.get(1));
            format!("{table:<12} {rows:>10} rows {:>8} bytes each", bytes.checked_div(rows).unwrap_or(0))
        };
        ["accounts", "devices", "codes", "passwords", "audit"].map(&mut line).to_vec()
    }

    /// Does the work of autovacuum on PostgreSQL now, so that no figure depends on its time.
    pub(crate) fn vacuum(&self) {
        if self.database.is_some() {
            self.client().batch_execute("VACUUM (ANALYZE)").unwrap();
        }
    }

    fn client(&self) -> postgres::Client {
        let name = self.database.as_ref().expect("it runs on PostgreSQL");
        postgres::Client::connect(&Cluster::shared().address(name), postgres::NoTls).unwrap()
    }

    /// Returns the number of steps that ran again after a conflict, from `/metrics`.
    pub(crate) fn retries(&self) -> u64 {
        let text = self.operate("GET /metrics HTTP/1.1\r\nhost: bench\r\n");
        let value = text.lines().find_map(|line| line.strip_prefix("pims_authority_database_retries_total "));
        value.unwrap_or_else(|| panic!("no counter of retries in {text}")).trim().parse().unwrap()
    }

    /// Returns the database, for another process beside the program.
    #[cfg(feature = "bulk")]
    pub(crate) fn database(&self) -> authority::Database {
        let file = || self.folder.path().join("authority.db").into();
        self.database.as_deref().map_or_else(file, Database::named)
    }

    /// Returns the size of the database on the disk.
    #[cfg(feature = "bulk")]
    pub(crate) fn bytes(&self) -> u64 {
        if self.database.is_some() {
            let row = self.client().query_one("SELECT pg_database_size(current_database())", &[]).unwrap();
            return row.get::<_, i64>(0).unsigned_abs();
        }
        let size = |file| std::fs::metadata(self.folder.path().join(file)).map_or(0, |file| file.len());
        ["authority.db", "authority.db-wal"].map(size).iter().sum()
    }

    /// Runs a command of the program, without its output. Returns the seconds that it took.
    #[cfg(feature = "bulk")]
    pub(crate) fn command(&self, arguments: &[&str]) -> f64 {
        let start = std::time::Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_pims-authority"))
            .arg("--config")
            .arg(self.folder.path().join(CONFIG_FILE))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{arguments:?}");
        start.elapsed().as_secs_f64()
    }

    /// Removes an account, as an operator.
    #[cfg(feature = "bulk")]
    pub(crate) fn remove_account(&self, account: &AccountName) {
        let request = format!(
            "DELETE /admin/v1/accounts/{account} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nauthorization: Bearer {OPERATOR}\r\n"
        );
        let response = self.operate(&request);
        assert!(response.starts_with("HTTP/1.1 20"), "{response}");
    }

    /// Sends a request to the operators' listener, and returns the response.
    fn operate(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(&self.operators).unwrap();
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// Returns the program's memory in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until a program listens, and returns the addresses of its two listeners; if it ends, its
/// output.
fn listening(process: &mut Child, log: &Path) -> Result<(String, String), String> {
    loop {
        let ended = process.try_wait().unwrap().is_some();
        let text = std::fs::read_to_string(log).unwrap();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        // The words of the second line differ between versions.
        let (public, operators): (Vec<_>, Vec<_>) =
            lines.filter(|line| line["address"].is_string()).partition(|line| line["message"] == "listening");
        let address = |lines: &[Value]| lines.first().map(|line| line["address"].as_str().unwrap().to_owned());
        if let (Some(public), Some(operators)) = (address(&public), address(&operators)) {
            return Ok((public, operators));
        }
        if ended {
            return Err(text);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Waits for the text that `serve --dev` prints, and returns the address of its console. A program
/// of an earlier release has none.
fn console(output: &Path) -> Option<String> {
    loop {
        let text = std::fs::read_to_string(output).unwrap();
        if text.contains("It ends with Ctrl-C") {
            let address = text.split_whitespace().find(|word| word.contains("/?key="));
            return address.map(str::to_owned);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Returns the last code in an outbox that was sent to a number.
fn last_code(outbox: &Path, number: &str) -> Option<String> {
    let text = std::fs::read_to_string(outbox).unwrap();
    let messages = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut codes =
        messages.filter(|sms| sms["to"] == number).filter_map(|sms| sms["code"].as_str().map(str::to_owned));
    codes.next()
}

/// Returns the configuration without the keys that a program did not know.
fn without_unknown_keys(config: &str, output: &str) -> String {
    let unknown: Vec<&str> = output
        .lines()
        .filter_map(|line| line.split_once(": there is no such key")?.0.rsplit(' ').next())
        .filter_map(|path| Some(path.rsplit_once('.').unwrap_or(("", path)).1).filter(|key| !key.is_empty()))
        .collect();
    assert!(!unknown.is_empty(), "it did not start: {output}");
    let is_known =
        |line: &&str| !unknown.iter().any(|key| line.starts_with(&format!("{key} = ")) || line == &format!("[{key}]"));
    let kept: Vec<&str> = config.lines().filter(is_known).collect();
    assert_ne!(kept.join("\n"), config.trim_end(), "it did not start: {output}");
    kept.join("\n") + "\n"
}

/// The place of the SMS that the program sent.
enum Sent {
    Gateway(Gateway),
    Outbox(PathBuf),
}

/// An SMS gateway that keeps the last code of each number.
struct Gateway {
    url: String,
    codes: Arc<Mutex<HashMap<String, String>>>,
}

impl Gateway {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let codes = Arc::<Mutex<HashMap<String, String>>>::default();
        let codes_of_gateway = codes.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let codes_of_gateway = codes_of_gateway.clone();
                // It keeps its connections, as gateways do.
                std::thread::spawn(move || while take(&stream, &codes_of_gateway).is_some() {});
            }
        });
        Self { url, codes }
    }
}

/// Takes one SMS from a connection; `None` if the connection has ended.
fn take(stream: &TcpStream, codes: &Mutex<HashMap<String, String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let sms: Value = serde_json::from_slice(&body).ok()?;
    codes.lock().unwrap().insert(sms["to"].as_str()?.to_owned(), sms["code"].as_str()?.to_owned());
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
}

//! The program under load, and its SMS.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
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

pub(crate) const PIN: &str = "1234";

/// The number of accounts: the greatest number of connections.
pub(crate) const ACCOUNTS: usize = 64;

/// A configuration as in production, without the limits and the log.
const CONFIG: &str = r#"
[listen]
address = "127.0.0.1:0"
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

pub(crate) struct Program {
    pub(crate) address: String,
    process: Child,
    gateway: Gateway,
    _folder: TempDir,
    schema: Option<String>,
}

/// Returns the token of an account, signed by the issuer. An account always has the same one.
pub(crate) fn token(account: &AccountName) -> String {
    static TOKENS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let sign = || Issuer::standard().sign(&claims_of(account.as_str()));
    TOKENS.lock().unwrap().entry(account.as_str().to_owned()).or_insert_with(sign).clone()
}

impl Program {
    pub(crate) fn start(database: &Database) -> Self {
        // On the disk that databases lie on, not in memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let schema = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Database::schema()),
        };
        let url = schema.as_ref().map_or_else(
            || "sqlite:authority.db".to_owned(),
            |schema| {
                let socket = Cluster::shared().data().trim_end_matches("/data").replace('/', "%2F");
                format!("postgres://pims@{socket}/postgres?options=-c%20search_path%3D{schema}")
            },
        );
        let key = "07".repeat(32);
        let gateway = Gateway::start();
        let config = CONFIG.replace("HOOK", &gateway.url);
        let config = format!("{config}[database]\nurl = {url:?}\n[master_key]\nhex = \"{key}\"\n");
        std::fs::write(folder.path().join("jwks.json"), Issuer::standard().key_set()).unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, config).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let log = folder.path().join("log");
        let mut process = Command::new(env!("CARGO_BIN_EXE_pims-authority"))
            .arg("--config")
            .arg(&file)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let address = loop {
            let text = std::fs::read_to_string(&log).unwrap();
            let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(line) = lines.find(|line| line["message"] == "listening") {
                break line["address"].as_str().unwrap().to_owned();
            }
            assert!(process.try_wait().unwrap().is_none(), "it did not start: {text}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        Self { address, process, gateway, _folder: folder, schema }
    }

    /// Returns the last code that was sent to a number.
    pub(crate) fn code(&self, number: &str) -> String {
        self.gateway.codes.lock().unwrap().remove(number).expect("a code was sent")
    }

    /// Returns the size of each table's rows on PostgreSQL, with their indexes.
    pub(crate) fn tables(&self) -> Vec<String> {
        let schema = self.schema.as_ref().expect("it runs on PostgreSQL");
        let mut client = postgres::Client::connect(&Cluster::shared().address("postgres"), postgres::NoTls).unwrap();
        let mut line = |table: &str| {
            let sql =
                format!("SELECT (SELECT count(*) FROM {schema}.{table}), pg_total_relation_size('{schema}.{table}')");
            let row = client.query_one(&sql, &[]).unwrap();
            let (rows, bytes): (i64, i64) = (row.get(0), row.get(1));
            format!("{table:<12} {rows:>10} rows {:>8} bytes each", bytes.checked_div(rows).unwrap_or(0))
        };
        ["accounts", "devices", "codes", "passwords", "audit"].map(&mut line).to_vec()
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

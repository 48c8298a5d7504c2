//! The program, started with a configuration of its own on a free port.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use authority::{AccountName, Purpose};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::database::{self, Database};
use crate::device::{Exchange, Scene};
use crate::gateway::{Hook, Taken};
use crate::http::{self, Reply};
use crate::issuer::{Issuer, claims_of};

pub(crate) const NUMBER: &str = "+33612345678";
pub(crate) const ADMIN: &str = "an-operators-token-of-many-characters";
pub(crate) const SHOP: &str = "the-shops-token-of-many-characters";
pub(crate) const BANK: &str = "the-banks-token-of-many-characters";
pub(crate) const CVS: &str = "/applications/cvs/v4/mobile";
pub(crate) const TOKEN: &str = "/connectedcar/v4/virtualkey/remoteaccess/token?client_id=test";

/// The longest wait before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The configuration of a service for development.
const CONFIG: &str = r#"
development = true
[listen]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
token_file = "admin.token"
[database]
url = "sqlite:authority.db"
[master_key]
hex_file = "master.key"
[access_tokens]
issuer = "https://authority.example"
audience = "vehicles"
[sms]
gateway = "outbox"
outbox_file = "outbox.jsonl"
[limits]
address_per_minute = 1000000
account_per_minute = 100000
wrong_codes_per_address_and_minute = 100000
wrong_codes_per_minute = 100000
wrong_otps_per_account_and_minute = 100000
wrong_otps_per_address_and_minute = 100000
refused_finalize_per_address_and_minute = 100000
codes_per_number_and_hour = 100000
sms_per_minute = 100000
sms_per_day = 100000
sms_per_prefix_and_hour = 100000
unknown_operators_per_minute = 100000
[relying_parties.services]
shop = { open = true }
bank = { token_file = "bank.token" }
[pin]
denied = false
history = 0
[policy]
evolve_k1_every = 0
codes_per_hour = 100
codes_per_day = 100
[log]
format = "json"
level = "debug"
[tokens.static]
"#;

/// The settings of a production, in the place of those that only development may have.
const IN_PRODUCTION: [(&str, &str); 4] = [
    ("development = true\n", ""),
    (
        "gateway = \"outbox\"\noutbox_file = \"outbox.jsonl\"\n",
        "gateway = \"webhook\"\nwebhook_url = \"HOOK\"\n\
         webhook_template = '{\"to\": \"{to}\", \"text\": \"{text}\", \"code\": \"{code}\"}'\n\
         countries = [\"any\"]\nnotices = []\n",
    ),
    ("shop = { open = true }\n", "shop = { token_file = \"shop.token\" }\n"),
    (
        "[tokens.static]\n",
        "[tokens]\nissuer = \"https://login.example\"\naudience = \"pims\"\njwks_file = \"jwks.json\"\n",
    ),
];

/// The settings of a program.
pub(crate) struct Setup {
    /// The folder, shared if several programs work on the same files.
    pub(crate) folder: Arc<TempDir>,
    pub(crate) database: Database,
    settings: BTreeMap<String, String>,
    /// The SMS gateway of a production.
    hook: Option<Arc<Hook>>,
}

impl Setup {
    /// Returns a service for development; on PostgreSQL, which development refuses, one for
    /// production.
    pub(crate) fn new() -> Self {
        if database::is_postgresql() { Self::production() } else { Self::development() }
    }

    /// Returns a service for development, on SQLite.
    pub(crate) fn development() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("authority.db"));
        let tokens: Vec<String> = ACCOUNTS.map(|name| format!("{name} = \"{}\"", token(name))).to_vec();
        Self::of(folder, database, &format!("{CONFIG}{}\n", tokens.join("\n")), None)
    }

    /// Returns a service for production, which accepts the same tokens: by the key of their issuer.
    pub(crate) fn production() -> Self {
        let hook = Arc::new(Hook::start());
        let mut config = CONFIG.to_owned();
        for (from, to) in IN_PRODUCTION {
            assert!(config.contains(from), "{from}");
            config = config.replace(from, to);
        }
        let folder = tempfile::tempdir().unwrap();
        let database = Database::new(folder.path());
        let setup = Self::of(folder, database, &config.replace("HOOK", &hook.url), Some(hook));
        setup.write("shop.token", SHOP);
        setup.write("jwks.json", &Issuer::usual().key_set());
        setup
    }

    fn of(folder: TempDir, database: Database, config: &str, hook: Option<Arc<Hook>>) -> Self {
        let config = config.replace(&Database::Sqlite(PathBuf::new()).url(), &database.url());
        let setup = Self { folder: Arc::new(folder), database, settings: BTreeMap::new(), hook };
        setup.write("config.toml", &config);
        setup.write("admin.token", ADMIN);
        setup.write("bank.token", BANK);
        setup.write("master.key", &"07".repeat(32));
        setup
    }

    /// Returns the same settings for another instance.
    pub(crate) fn again(&self) -> Self {
        Self {
            folder: self.folder.clone(),
            database: self.database.clone(),
            settings: self.settings.clone(),
            hook: self.hook.clone(),
        }
    }

    /// Sets a key, by its environment variable.
    pub(crate) fn set(mut self, key: &str, value: impl ToString) -> Self {
        let variable = format!("PIMS_AUTHORITY_{}", key.replace('.', "_").to_uppercase());
        self.settings.insert(variable, value.to_string());
        self
    }

    /// Lets activations show nothing.
    pub(crate) fn open(self) -> Self {
        self.set("activation.proof", "open")
    }

    /// Writes a file that the configuration names.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// Returns a command of the program, without the environment variables of this process that
    /// could affect it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare_command();
        command.arg("--config").arg(self.folder.path().join("config.toml")).args(arguments);
        command
    }

    /// Returns the program with the settings alone.
    pub(crate) fn bare_command(&self) -> Command {
        let mut command = Command::new(program());
        command.env_clear().envs(&self.settings).current_dir("/");
        command
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(self) -> World {
        let command = self.command(&["serve"]);
        self.started(command)
    }

    /// Starts a copy of the program by another program, which takes it as its last arguments.
    pub(crate) fn start_by(self, starter: &[&str], program: &Path) -> World {
        let inner = self.command(&["serve"]);
        let mut command = Command::new(starter[0]);
        command.args(&starter[1..]).arg(program).args(inner.get_args()).env_clear().current_dir("/");
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.started(command)
    }

    fn started(self, mut command: Command) -> World {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Log::of(&mut process);
        let service = log.wait_for(|line| line["message"] == "listening");
        let admin = log.wait_for(|line| line["message"] == "operators are listened to");
        let scheme = if service["tls"] == true { "https" } else { "http" };
        let url = format!("{scheme}://{}", service["address"].as_str().unwrap());
        let admin_url = format!("http://{}", admin["address"].as_str().unwrap());
        World { client: Client { url, agent: http::agent() }, admin_url, process, log, setup: self }
    }
}

/// Returns the path of the tested program: that of this build, or the one that
/// `PIMS_SERVER_PROGRAM` names.
pub(crate) fn program() -> std::path::PathBuf {
    std::env::var_os("PIMS_SERVER_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_pims-authority").into(), Into::into)
}

/// Returns whether that program was built as it ships.
pub(crate) fn is_optimized() -> bool {
    std::env::var_os("PIMS_SERVER_PROGRAM").is_some()
}

/// The accounts with a token in the configuration.
const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];

/// Returns the token of an account: one of the configuration in development, one of the issuer in
/// production.
pub(crate) fn token(account: &str) -> String {
    static TOKENS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let made = || Issuer::usual().sign(&claims_of(account));
    // An account has the same token as long as the tests run.
    TOKENS.lock().unwrap().entry(account.to_owned()).or_insert_with(made).clone()
}

pub(crate) fn name(account: &str) -> AccountName {
    AccountName::new(account).unwrap()
}

/// The lines that a program logged, all of JSON.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    pub(crate) fn of(process: &mut Child) -> Self {
        let log = Self::default();
        let (lines, stderr) = (log.clone(), BufReader::new(process.stderr.take().unwrap()));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.0.lock().unwrap().lines.push(line);
            }
            lines.0.lock().unwrap().ended = true;
        });
        log
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().lines.join("\n")
    }

    /// Waits for a line, as long as the program may log one.
    pub(crate) fn wait_for(&self, is: impl Fn(&Value) -> bool) -> Value {
        let found = || {
            let log = self.0.lock().unwrap();
            let found = log.lines.iter().filter_map(|line| serde_json::from_str(line).ok()).find(|line| is(line));
            if found.is_some() || log.ended { Some(found) } else { None }
        };
        poll(found).flatten().unwrap_or_else(|| panic!("not in the log:\n{}", self.text()))
    }
}

/// Repeats a question until there is an answer.
pub(crate) fn poll<T>(ask: impl Fn() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

/// The connection to a service.
pub(crate) struct Client {
    pub(crate) url: String,
    pub(crate) agent: Agent,
}

impl Exchange for Client {
    fn mac(&self, caller: Option<&AccountName>, query: &str) -> String {
        let token = caller.map(|account| token(account.as_str()));
        let url = format!("{}/iwws/MAC?{query}", self.url);
        let reply = http::send(&self.agent, "GET", &url, token.as_deref(), None).unwrap();
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/xml; charset=UTF-8"), "{}", reply.text);
        reply.text
    }
}

/// A running program. It is killed at the end of the test.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) admin_url: String,
    pub(crate) process: Child,
    pub(crate) log: Log,
    pub(crate) setup: Setup,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Scene for World {
    type Service = Client;

    fn service(&self) -> &Client {
        &self.client
    }

    fn sent_code(&self, account: &AccountName, purpose: Purpose) -> String {
        let body = json!({"type": purpose.as_str()});
        let reply = self.cvs("POST", "smsCode", account.as_str(), Some(&body));
        assert_eq!(reply.status, 200, "{}", reply.text);
        self.last_code()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Setup::new().start()
    }

    pub(crate) fn path(&self) -> &Path {
        self.setup.folder.path()
    }

    /// Sends a request to the listener for apps, devices and relying parties.
    pub(crate) fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
        let body = body.map(|body| body.to_string().into_bytes());
        let url = format!("{}{path}", self.client.url);
        http::send(&self.client.agent, method, &url, token, body.as_deref()).unwrap()
    }

    /// Sends a request to the listener for operators.
    pub(crate) fn operate(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
        let body = body.map(|body| body.to_string().into_bytes());
        let url = format!("{}{path}", self.admin_url);
        http::send(&self.client.agent, method, &url, token, body.as_deref()).unwrap()
    }

    pub(crate) fn cvs(&self, method: &str, path: &str, account: &str, body: Option<&Value>) -> Reply {
        self.ask(method, &format!("{CVS}/{path}?client_id=test"), Some(&token(account)), body)
    }

    /// Returns the token that the relying party `shop` shows; in development it has none.
    pub(crate) fn shop(&self) -> Option<&'static str> {
        self.setup.hook.is_some().then_some(SHOP)
    }

    /// Returns every row of the state, as text.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.setup.database.rows()
    }

    /// Sends the request of a relying party. Returns the word of the answer.
    pub(crate) fn authenticate(&self, account: &str, otp: &str) -> String {
        let query = crate::device::query(&[
            ("action", "authenticate"),
            ("serviceId", "shop"),
            ("userId", account),
            ("token", otp),
            ("format", "json"),
        ]);
        let reply = self.ask("GET", &format!("/FS?{query}"), self.shop(), None);
        assert_eq!(reply.status, 200);
        reply.word()
    }

    /// Returns the SMS that were sent so far, with their `to`, `text` and `code`.
    pub(crate) fn sent(&self) -> Vec<Value> {
        match &self.setup.hook {
            Some(hook) => hook.taken().iter().map(Taken::json).collect(),
            None => {
                let text = std::fs::read_to_string(self.path().join("outbox.jsonl")).unwrap_or_default();
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
            }
        }
    }

    /// Returns the code of the last SMS.
    pub(crate) fn last_code(&self) -> String {
        self.sent().last().unwrap()["code"].as_str().unwrap().to_owned()
    }

    /// Gives an account a trusted phone number.
    pub(crate) fn account(&self, account: &str) -> AccountName {
        let body = json!({"type": "phoneNumberCertification", "phoneNumber": NUMBER});
        assert_eq!(self.cvs("POST", "smsCode", account, Some(&body)).status, 200);
        let body = json!({"smsCode": self.last_code(), "phoneNumber": NUMBER});
        assert_eq!(self.cvs("POST", "trustedPhoneNumber", account, Some(&body)).status, 200);
        name(account)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

/// Starts a development service in a folder and ends it. Returns its output.
pub(crate) fn start_development(folder: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pims-authority"));
    command.env_clear().args(["serve", "--dev", "--port", "0", "--folder"]).arg(folder);
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut told = String::new();
    let mut lines = BufReader::new(process.stdout.take().unwrap());
    while lines.read_line(&mut told).unwrap() > 0 && !told.contains("It ends with Ctrl-C") {}
    let _ = process.kill();
    let _ = process.wait();
    told
}

//! A running service on free ports, with its whole log.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest wait for anything, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pims-authority");

/// The configuration of an account with a token, of a service for development.
pub(crate) const ALICE: &str = "[tokens.static]\nalice = \"token-of-alice-1\"\n";

/// The settings of a service for development that writes its SMS to a file.
const OUTBOX: &str = "gateway = \"outbox\"\noutbox_file = \"outbox.jsonl\"";

/// A gateway that nobody calls.
const WEBHOOK: &str = "gateway = \"webhook\"\nwebhook_url = \"http://127.0.0.1:9/\"\ncountries = [\"any\"]";

pub(crate) struct Live {
    pub(crate) port: u16,
    admin: u16,
    log: Arc<Mutex<String>>,
    child: Child,
    /// The folder, which is removed with the service.
    folder: tempfile::TempDir,
}

impl Live {
    /// Starts a service on SQLite whose configuration ends with `more`: for development if that is
    /// [`ALICE`], else for production.
    pub(crate) fn start(tls: bool, more: &str) -> Self {
        let development = more == ALICE;
        let folder = tempfile::tempdir().unwrap();
        let listen = if tls {
            certificate(folder.path());
            "certificate_file = \"fullchain.pem\"\nkey_file = \"privkey.pem\""
        } else if development {
            ""
        } else {
            "trusted_proxies = [\"127.0.0.1\"]"
        };
        let sms = if development { OUTBOX } else { WEBHOOK };
        write(folder.path(), "master.key", &"ab".repeat(32));
        let admin = "0123456789abcdef".repeat(2);
        let text = format!(
            "development = {development}\n[listen]\naddress = \"127.0.0.1:0\"\n{listen}\n[admin]\naddress = \"127.0.0.1:0\"\ntoken = \"{admin}\"\n\
             [database]\nurl = \"sqlite:authority.db\"\n[master_key]\nhex_file = \"master.key\"\n\
             [sms]\n{sms}\n\
             [log]\nformat = \"json\"\n{more}"
        );
        write(folder.path(), "pims-authority.toml", &text);
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--config"])
            .arg(folder.path().join("pims-authority.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = collect(child.stderr.take().unwrap());
        let mut live = Self { port: 0, admin: 0, log, child, folder };
        live.port = live.port_after("listening");
        live.admin = live.port_after("operators are listened to");
        live
    }

    fn port_after(&self, message: &str) -> u16 {
        until(&format!("the service says `{message}`"), || port_in(&self.log(), message))
    }

    /// Returns the path of its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("authority.db")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder().join("pims-authority.toml")
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn hang_up(&self) {
        assert!(Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Kills it at once.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn metrics(&self) -> String {
        get(&format!("http://127.0.0.1:{}/metrics", self.admin)).1
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.kill();
    }
}

fn collect(stderr: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let collected = log.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            collected.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    log
}

fn port_in(log: &str, message: &str) -> Option<u16> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let line = lines.find(|line| line["message"] == message)?;
    line["address"].as_str()?.rsplit(':').next()?.parse().ok()
}

/// Repeats a question until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn agent() -> ureq::Agent {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
    let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false);
    config.timeout_global(Some(PATIENCE)).max_idle_age(Duration::from_secs(2)).build().into()
}

/// Returns the status and the body.
pub(crate) fn get(url: &str) -> (u16, String) {
    let mut answer = agent().get(url).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// Writes a file for its owner alone.
pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Writes a certificate for this machine, as a certificate authority would.
pub(crate) fn certificate(folder: &Path) {
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    write(folder, "fullchain.pem", &params.self_signed(&key).unwrap().pem());
    write(folder, "privkey.pem", &key.serialize_pem());
}

/// Returns the path of a file of the repository.
pub(crate) fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(repository(name)).unwrap()
}

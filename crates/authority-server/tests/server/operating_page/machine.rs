//! A machine like the page's: its folders, its systemd, its issuer, its PostgreSQL; all of it in a
//! folder of the test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcgen::{CertificateParams, KeyPair};

use crate::cluster::Cluster;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pims-authority");

const TOOLS: [&str; 5] = ["curl", "openssl", "sqlite3", "pg_dump", "psql"];

pub(crate) struct Machine {
    folder: tempfile::TempDir,
    port: u16,
    admin: u16,
    issuer: u16,
    cluster: Cluster,
    undertaker: Child,
}

/// The part of systemd that one service needs.
const SYSTEMCTL: &str = r#"#!/bin/sh
set -eu
start() {
    'PROGRAM' --config 'ROOT/etc/pims-authority/pims-authority.toml' serve >>'ROOT/log' 2>&1 </dev/null &
    echo $! >'ROOT/pid'
}
stop() {
    [ -e 'ROOT/pid' ] || return 0
    kill -TERM "$(cat 'ROOT/pid')"
    while kill -0 "$(cat 'ROOT/pid')" 2>/dev/null; do sleep 0.05; done
    rm 'ROOT/pid'
}
case "$*" in
'daemon-reload') test -e 'ROOT/etc/systemd/system/pims-authority.service' ;;
'enable --now pims-authority' | 'start pims-authority') start ;;
'stop pims-authority') stop ;;
'restart pims-authority') stop && start ;;
*) echo "systemctl $*: not known here" >&2 && exit 1 ;;
esac
"#;

const RUNUSER: &str = r#"#!/bin/sh
[ "$1 $2 $3" = '-u postgres --' ] && shift 3 && exec "$@"
"#;

/// A shell that waits for the end of this process, in any way, and ends the service.
const UNDERTAKER: &str = "cat >/dev/null; [ ! -e 'ROOT/pid' ] || kill -TERM \"$(cat 'ROOT/pid')\"";

/// The key of RFC 8037, whose other half is public.
const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

impl Machine {
    pub(crate) fn new() -> Self {
        for tool in TOOLS {
            let found = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
            let openssl = || Command::new(tool).arg("version").output().is_ok_and(|output| output.status.success());
            assert!(found || openssl(), "{tool} is not installed: `make tools` does it");
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["etc/systemd/system", "var/lib/pims-authority", "bin", "deploy"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        files(root);
        let cluster = Cluster::start();
        let file = |name| root.join(name).display().to_string();
        cluster.listen_with_tls(&file("server.key"), &file("server.pem"));
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        program(root, "systemctl", SYSTEMCTL);
        program(root, "runuser", RUNUSER);
        symlink(PROGRAM, root.join("bin/pims-authority")).unwrap();
        let mut undertaker = Command::new("sh");
        undertaker.args(["-c", &UNDERTAKER.replace("ROOT", &root.display().to_string())]).stdin(Stdio::piped());
        // An interrupt of the tests does not interrupt it.
        let undertaker = undertaker.process_group(0).spawn().unwrap();
        let machine = Self { port: free(), admin: free(), issuer: issuer(), cluster, undertaker, folder };
        for name in ["pims-authority.toml", "pims-authority.service"] {
            let text = crate::deployment::read(&format!("deploy/{name}"));
            std::fs::write(machine.folder.path().join("deploy").join(name), machine.here(&text)).unwrap();
        }
        machine
    }

    /// Returns a text of the page with this machine's folders, ports and neighbours.
    fn here(&self, text: &str) -> String {
        let root = self.folder.path().display().to_string();
        let local = |port: u16| format!("127.0.0.1:{port}");
        let database = format!("pims:the-password@{}/pims", local(self.cluster.port()));
        text.replace("/etc/", &format!("{root}/etc/"))
            .replace("/var/", &format!("{root}/var/"))
            .replace("https://login.example.com/.well-known", &format!("http://{}", local(self.issuer)))
            .replace("127.0.0.1:8080", &local(self.port))
            .replace("127.0.0.1:8081", &local(self.admin))
            .replace("pims:the-password@db.example.com/pims", &database)
    }

    /// Runs the script on this machine, in the folder of the source. Returns its whole output.
    pub(crate) fn run(&self, script: &str) -> String {
        let root = self.folder.path();
        let path = format!("{}/bin:{}", root.display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-c", &format!("{}\necho the end is reached", self.here(script))])
            .current_dir(root)
            .env("PATH", path)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.cluster.port().to_string())
            .env("PGUSER", "pims")
            .env("PGDATABASE", "postgres")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("the end is reached"), "{said}\n{}", self.log());
        said
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Returns the secrets that the page's commands made.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let read = |name| std::fs::read_to_string(self.folder.path().join("etc/pims-authority").join(name)).unwrap();
        let names = ["master.key", "master-2.key", "admin.token", "portal.token", "database.url", "sms.key"];
        names.into_iter().map(|name| read(name).trim().to_owned()).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.undertaker.stdin.take());
        let _ = self.undertaker.wait();
    }
}

fn program(root: &Path, name: &str, text: &str) {
    let path = root.join("bin").join(name);
    let text = text.replace("ROOT", &root.display().to_string()).replace("PROGRAM", PROGRAM);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Writes the files that the page's pieces of configuration name. The certificate is PostgreSQL's,
/// too.
fn files(root: &Path) {
    let folder = root.join("etc/pims-authority");
    std::fs::create_dir_all(&folder).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    for folder in [root, &folder] {
        std::fs::write(folder.join("server.pem"), &certificate).unwrap();
        std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
        std::fs::set_permissions(folder.join("server.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::write(folder.join("operators-ca.pem"), certificate).unwrap();
    std::fs::write(folder.join("issuer.jwks.json"), KEYS).unwrap();
}

/// Starts an issuer. Returns its port.
fn issuer() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = keys(&stream);
        }
    });
    port
}

fn keys(mut stream: &TcpStream) -> std::io::Result<()> {
    let head = BufReader::new(stream).lines().take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()));
    drop(head.collect::<Result<Vec<_>, _>>()?);
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{KEYS}", KEYS.len())
}

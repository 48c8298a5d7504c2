//! A PgBouncer before a server of the tests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Cluster, run, write};

/// The time for which PgBouncer gives a server connection to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As long as the client stays.
    Session,
    /// For a transaction. The next one may run on another connection, which other clients used.
    Transaction,
}

impl Mode {
    /// Returns the mode that `PIMS_POSTGRES_POOLER` names.
    pub(crate) fn of_environment() -> Option<Self> {
        match std::env::var("PIMS_POSTGRES_POOLER").as_deref() {
            Err(std::env::VarError::NotPresent) | Ok("none") => None,
            Ok("session") => Some(Self::Session),
            Ok("transaction") => Some(Self::Transaction),
            other => panic!("PIMS_POSTGRES_POOLER is {other:?}; it must be `session`, `transaction` or `none`"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
        }
    }

    /// Returns the words of the service for such a pooler.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Session => "through a pooler (session mode, as far as it shows)",
            Self::Transaction => "through a pooler in transaction mode",
        }
    }

    /// Returns the number of server connections of a role. In transaction mode clients have more
    /// connections than that, so they meet those of each other.
    fn pool_size(self) -> u32 {
        match self {
            Self::Session => 100,
            Self::Transaction => 3,
        }
    }
}

/// A running PgBouncer.
pub(crate) struct Pooler {
    folder: PathBuf,
    user: Option<String>,
    mode: Mode,
}

impl Pooler {
    /// Returns whether PgBouncer is installed. If it is not, the output says that a test was
    /// skipped.
    pub(crate) fn is_installed() -> bool {
        let installed = program().is_some();
        if !installed {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            super::skipped_without(&test, "PgBouncer is not installed (Debian: pgbouncer)", "PIMS_REQUIRE_PGBOUNCER");
        }
        installed
    }

    /// Starts a PgBouncer. It ends when it is dropped, and at the latest with the server.
    pub(crate) fn start(cluster: &Cluster, mode: Mode) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let pooler = Self { folder: cluster.folder.join(format!("pool{number}")), user: cluster.user.clone(), mode };
        let folder = pooler.host();
        run(&pooler.user, "mkdir", &[&folder]);
        write(&pooler.user, &format!("{folder}/users"), "\"pims\" \"\"\n");
        let lines = format!(
            "[databases]\n* = host={server} port=5432\n\
             [pgbouncer]\nlisten_addr =\nlisten_port = 5432\nunix_socket_dir = {folder}\n\
             logfile = {folder}/log\npidfile = {folder}/pgbouncer.pid\n\
             auth_type = trust\nauth_file = {folder}/users\nadmin_users = pims\nauth_user = pims\n\
             auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1\n\
             pool_mode = {mode}\ndefault_pool_size = {size}\nmax_client_conn = 2000\n\
             server_round_robin = 1\nserver_idle_timeout = 2\nserver_login_retry = 1\n",
            server = cluster.folder.display(),
            mode = mode.name(),
            size = mode.pool_size(),
        );
        write(&pooler.user, &format!("{folder}/ini"), &lines);
        let program = program().expect("PgBouncer is not installed (Debian: pgbouncer)");
        run(&pooler.user, &program, &["-q", "-d", &format!("{folder}/ini")]);
        let socket = pooler.folder.join(".s.PGSQL.5432");
        let listens = || std::os::unix::net::UnixStream::connect(&socket).is_ok();
        for _ in 0..6000 {
            if listens() {
                return pooler;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("PgBouncer does not listen: {}", pooler.log());
    }

    /// Returns the folder of the socket to which clients connect.
    pub(crate) fn host(&self) -> String {
        self.folder.display().to_string()
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Returns the number of connections of clients that logged in as this role.
    pub(crate) fn clients_of(&self, role: &str) -> usize {
        let address = format!("host={} user=pims dbname=pgbouncer", self.host());
        let mut console = postgres::Client::connect(&address, postgres::NoTls).unwrap();
        let shown = console.simple_query("SHOW CLIENTS").unwrap();
        let is_of_role = |message: &&postgres::SimpleQueryMessage| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get("user") == Some(role),
            _ => false,
        };
        shown.iter().filter(is_of_role).count()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.folder.join("pgbouncer.pid")) {
            let _ = std::process::Command::new("kill").args(["-KILL", pid.trim()]).status();
        }
    }
}

/// Returns the path of the program. Debian keeps it where an ordinary user has no PATH to.
fn program() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut found = folders.map(|folder| folder.join("pgbouncer")).filter(|program| program.exists());
    found.next().map(|program| program.display().to_string())
}

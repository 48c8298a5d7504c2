//! A PostgreSQL of the tests: in a temporary folder, reached by a socket in it. It ends with the
//! process that started it.
//!
//! `PIMS_POSTGRES_BIN` names the folder of its programs. `PIMS_POSTGRES_POOLER` puts a PgBouncer in
//! front of it: `session` or `transaction`, or `none`, which is the default.

#[path = "pooler.rs"]
pub(crate) mod pooler;

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use pooler::{Mode, Pooler};

/// A running server.
pub(crate) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<String>,
    port: OnceLock<u16>,
    pooler: Option<Pooler>,
    /// A process that waits for the end of this one, in any way, then stops the server and removes
    /// the folder.
    _watchdog: Child,
}

impl Cluster {
    /// Returns whether PostgreSQL is installed. If it is not, the output says that a test was
    /// skipped.
    pub(crate) fn is_installed() -> bool {
        let installed = programs().is_some();
        if !installed {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            skipped(&test);
        }
        installed
    }

    /// Returns the server that the tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server, with the pooler that the environment names. Without its programs the whole
    /// run ends here.
    pub(crate) fn start() -> Self {
        let mut cluster = Self::start_without_pooler();
        cluster.pooler = Mode::of_environment().map(|mode| Pooler::start(&cluster, mode));
        cluster
    }

    /// Starts a server that clients reach directly in any case.
    pub(crate) fn start_without_pooler() -> Self {
        let cluster = Self::made();
        let data = cluster.data();
        let initdb = cluster.program("initdb");
        let locale = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=pims"];
        run(&cluster.user, &initdb, &[&locale[..], &["-D", &data]].concat());
        cluster.configure("");
        cluster.up();
        cluster
    }

    /// Starts a standby that replicates this server. This one restarts meanwhile.
    pub(crate) fn standby(&self) -> Self {
        let standby = Self::made();
        self.stop("fast");
        run(&standby.user, "cp", &["-a", &self.data(), &standby.data()]);
        self.up();
        write(&standby.user, &format!("{}/standby.signal", standby.data()), "");
        let primary =
            format!("primary_conninfo = 'host={} user=pims application_name=standby'\n", self.folder.display());
        standby.configure(&primary);
        standby.up();
        standby
    }

    /// Makes the folder and its watchdog.
    fn made() -> Self {
        let Some(programs) = programs() else { skip() };
        // The server refuses to run as root.
        let user = is_root().then(unprivileged_user);
        let made = run(&user, "mktemp", &["-d", "/tmp/pims-postgres.XXXXXX"]);
        let folder = PathBuf::from(made.trim());
        let watchdog = watchdog(&user, &programs, &folder);
        Self { folder, programs, user, port: OnceLock::new(), pooler: None, _watchdog: watchdog }
    }

    /// Writes the settings that every server of the tests has, and more.
    fn configure(&self, more: &str) {
        let socket = self.folder.display();
        let lines = format!(
            "listen_addresses = ''\nunix_socket_directories = '{socket}'\nfsync = off\nmax_connections = 300\n{more}"
        );
        let file = self.folder.join("more.conf").display().to_string();
        write(&self.user, &file, &lines);
        write(&self.user, &format!("{}/postgresql.auto.conf", self.data()), &format!("include '{file}'\n"));
    }

    /// Adds lines to the settings and makes the running server read them.
    pub(crate) fn set(&self, lines: &str) {
        let file = self.folder.join("more.conf").display().to_string();
        let before = std::fs::read_to_string(&file).unwrap();
        write(&self.user, &file, &format!("{before}{lines}"));
        self.reload();
    }

    fn reload(&self) {
        run(&self.user, &self.program("pg_ctl"), &["reload", "-s", "-D", &self.data()]);
    }

    /// Makes the server listen on a port of this machine, with this certificate.
    pub(crate) fn listen_with_tls(&self, key: &str, certificate: &str) {
        let data = self.data();
        write(&self.user, &format!("{data}/server.key"), &std::fs::read_to_string(key).unwrap());
        write(&self.user, &format!("{data}/server.crt"), &std::fs::read_to_string(certificate).unwrap());
        run(&self.user, "chmod", &["600", &format!("{data}/server.key")]);
        let lines = format!(
            "unix_socket_directories = '{}'\nlisten_addresses = '127.0.0.1'\nport = {}\nssl = on\nfsync = off\n",
            self.folder.display(),
            self.port()
        );
        write(&self.user, &self.folder.join("more.conf").display().to_string(), &lines);
        self.down();
        self.up();
    }

    /// Makes a commit wait for the disk, as it does in production.
    pub(crate) fn make_durable(&self) {
        let file = self.folder.join("more.conf").display().to_string();
        let lines = std::fs::read_to_string(&file).unwrap().replace("fsync = off", "fsync = on");
        write(&self.user, &file, &lines);
        self.reload();
    }

    /// Makes the server log every statement with the process that ran it, without the values in it.
    pub(crate) fn log_statements(&self) {
        self.set("log_statement = 'all'\nlog_line_prefix = '[%p] '\nlog_parameter_max_length = 0\n");
    }

    /// Returns the server's log so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap()).into_owned()
    }

    /// Returns a port that was free at the first call.
    pub(crate) fn port(&self) -> u16 {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        *self.port.get_or_init(free)
    }

    pub(crate) fn up(&self) {
        let (data, log) = (self.data(), self.folder.join("log").display().to_string());
        run(&self.user, &self.program("pg_ctl"), &["start", "-w", "-s", "-D", &data, "-l", &log]);
    }

    pub(crate) fn down(&self) {
        self.stop("immediate");
    }

    fn stop(&self, mode: &str) {
        run(&self.user, &self.program("pg_ctl"), &["stop", "-w", "-s", "-m", mode, "-D", &self.data()]);
    }

    /// Kills every process of the server at once, as a machine does that loses its power.
    pub(crate) fn kill(&self) {
        let pid = std::fs::read_to_string(format!("{}/postmaster.pid", self.data())).unwrap();
        let postmaster = pid.lines().next().unwrap().trim().to_owned();
        let mut processes = vec![postmaster.clone()];
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).map(str::trim);
            if parent == Some(postmaster.as_str()) {
                processes.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        // A process that ended by itself since then is no failure.
        let _ = Command::new("kill").arg("-KILL").args(&processes).stderr(Stdio::null()).status();
        let is_gone = || !std::path::Path::new(&format!("/proc/{postmaster}")).exists() || is_zombie(&postmaster);
        while !is_gone() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Lets this role, and no other, log in by its password alone.
    pub(crate) fn require_password(&self, role: &str) {
        let file = format!("{}/pg_hba.conf", self.data());
        let before = std::fs::read_to_string(&file).unwrap();
        write(&self.user, &file, &format!("local all {role} scram-sha-256\n{before}"));
        self.reload();
    }

    /// Returns the address of this database for clients: of the pooler, if there is one.
    pub(crate) fn address(&self, database: &str) -> String {
        self.address_of("pims", database)
    }

    /// Returns the address of this database for clients that log in as this role.
    pub(crate) fn address_of(&self, role: &str, database: &str) -> String {
        format!("host={} user={role} dbname={database}", self.host())
    }

    /// Returns the address of the server itself for this role.
    pub(crate) fn direct_address_of(&self, role: &str, database: &str) -> String {
        format!("host={} user={role} dbname={database}", self.folder.display())
    }

    /// Returns the folder of the socket to which clients connect.
    pub(crate) fn host(&self) -> String {
        self.pooler.as_ref().map_or_else(|| self.folder.display().to_string(), Pooler::host)
    }

    pub(crate) fn pooler(&self) -> Option<&Pooler> {
        self.pooler.as_ref()
    }

    /// Returns the socket of the server itself.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    pub(crate) fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn program(&self, name: &str) -> String {
        self.programs.join(name).display().to_string()
    }
}

/// Prints that nothing was tested, and ends the run: every test of it needs the server.
fn skip() -> ! {
    skipped("all tests on PostgreSQL");
    std::process::exit(0)
}

fn skipped(what: &str) {
    let reason = "PostgreSQL is not installed (Debian: postgresql): no initdb in PATH or /usr/lib/postgresql/*/bin";
    skipped_without(what, reason, "PIMS_REQUIRE_POSTGRES");
}

/// Prints that a test was skipped. Fails if this variable says that it must run.
fn skipped_without(what: &str, reason: &str, variable: &str) {
    assert!(std::env::var_os(variable).is_none_or(|value| value != "1"), "{reason}");
    // Not by a macro: the harness would keep its output back.
    let _ = writeln!(std::io::stderr(), "\n\nSKIPPED: {what}. {reason}\n");
}

/// Returns the folder of the server programs: the one of the environment, or that of the newest
/// ones.
fn programs() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("PIMS_POSTGRES_BIN") {
        let folder = PathBuf::from(folder);
        assert!(folder.join("initdb").exists(), "PIMS_POSTGRES_BIN: there is no initdb in {}", folder.display());
        return Some(folder);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").exists())
        .collect();
    folders.sort();
    let in_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    folders.pop().map(|(_, folder)| folder).or_else(in_path)
}

fn is_zombie(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && line.contains('Z'))
}

fn is_root() -> bool {
    run(&None, "id", &["-u"]).trim() == "0"
}

fn unprivileged_user() -> String {
    let exists = |user: &&str| Command::new("id").args(["-u", user]).output().is_ok_and(|found| found.status.success());
    ["postgres", "nobody"].iter().find(|user| exists(user)).expect("an unprivileged user").to_string()
}

/// Returns a command that runs a program as the server's user.
fn command(user: &Option<String>, program: &str) -> Command {
    let mut command = match user {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--", program]);
            command
        }
    };
    command.current_dir("/");
    command
}

fn run(user: &Option<String>, program: &str, arguments: &[&str]) -> String {
    // The server must not inherit a pipe that another process reads to its end.
    let output = tempfile::NamedTempFile::new().unwrap();
    let file = || output.reopen().unwrap();
    let status = command(user, program).args(arguments).stdin(Stdio::null()).stdout(file()).stderr(file()).status();
    let text = std::fs::read_to_string(output.path()).unwrap();
    assert!(status.expect(program).success(), "{program} {arguments:?}: {text}");
    text
}

fn write(user: &Option<String>, path: &str, text: &str) {
    let mut child = command(user, "tee").arg(path).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Starts a shell whose input ends when this process does.
fn watchdog(user: &Option<String>, programs: &std::path::Path, folder: &std::path::Path) -> Child {
    let script = format!(
        "cat >/dev/null; for pid in '{folder}'/*/pgbouncer.pid; do [ ! -e \"$pid\" ] || kill -9 \"$(cat \"$pid\")\"; done; \
         '{}/pg_ctl' stop -s -m immediate -D '{folder}/data'; rm -rf '{folder}'",
        programs.display(),
        folder = folder.display()
    );
    command(user, "sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // An interrupt of the tests does not interrupt it.
        .process_group(0)
        .spawn()
        .unwrap()
}

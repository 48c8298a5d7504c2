//! nginx with the file of the documentation.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcgen::{CertificateParams, KeyPair};

use crate::deployment::{read, skipped};
use crate::world::{World, poll};

/// The places of the modules that `modules-enabled` loads, on Debian and others.
const STREAM_MODULES: [&str; 3] = [
    "/usr/lib/nginx/modules/ngx_stream_module.so",
    "/usr/lib64/nginx/modules/ngx_stream_module.so",
    "/usr/local/lib/nginx/modules/ngx_stream_module.so",
];

/// The line of the second instance.
const SECOND: &str = "        server 127.0.0.1:8082 max_fails=0;\n";

/// A process of nginx in a folder of its own.
pub(crate) struct Nginx {
    process: Child,
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Nginx {
    /// Returns the path of nginx. Returns `None`, and prints that, if it is not installed.
    pub(crate) fn program() -> Option<&'static str> {
        let programs = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];
        let found = programs.into_iter().find(|program| Path::new(program).exists());
        if found.is_none() {
            skipped("nginx", "PIMS_REQUIRE_NGINX");
        }
        found
    }

    /// Starts nginx with `deploy/nginx.conf` in front of a service.
    pub(crate) fn start(program: &str, world: &World) -> Self {
        Self::start_with(program, world, &[])
    }

    /// Does the same with other texts in place of some of the file.
    pub(crate) fn start_with(program: &str, world: &World, changes: &[(&str, &str)]) -> Self {
        let service = world.client.url.trim_start_matches("http://");
        let alone = [&[(SECOND, ""), ("127.0.0.1:8080", service)], changes].concat();
        let (config, address) = Self::config(&alone);
        Self::run(program, &config, address)
    }

    /// Starts nginx with `deploy/nginx.conf` in front of two instances at these addresses.
    pub(crate) fn start_before(program: &str, instances: [SocketAddr; 2]) -> Self {
        let [first, second] = instances.map(|address| address.to_string());
        let (config, address) = Self::config(&[("127.0.0.1:8080", &first), ("127.0.0.1:8082", &second)]);
        Self::run(program, &config, address)
    }

    /// Returns the file with these texts in place of some of it, and its listening address.
    fn config(changes: &[(&str, &str)]) -> (String, SocketAddr) {
        let (outer, inner) = (free_address(), free_address());
        let mut config = read("deploy/nginx.conf");
        let mut replace = |from: &str, to: &str| {
            assert!(config.contains(from), "{from}");
            config = config.replace(from, to);
        };
        replace("listen 443;", &format!("listen {outer};"));
        replace("127.0.0.1:8442", &inner.to_string());
        // Any user may run this test, and one worker is enough.
        replace("user www-data;\n", "");
        replace("worker_processes auto;", "worker_processes 1;");
        changes.iter().for_each(|(from, to)| replace(from, to));
        (config, outer)
    }

    /// Replaces a text of the configuration by another one, as an operator does, and reloads it.
    /// Returns when the workers with the former configuration are gone. They have answered the
    /// requests that they had begun.
    pub(crate) fn reload_with(&self, from: &str, to: &str) {
        let file = self.folder.path().join("nginx.conf");
        let config = std::fs::read_to_string(&file).unwrap();
        assert!(config.contains(from), "{from}");
        std::fs::write(&file, config.replace(from, to)).unwrap();
        let former = self.workers();
        let sent = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let all_are_new = || {
            let workers = self.workers();
            (!workers.is_empty() && former.iter().all(|worker| !workers.contains(worker))).then_some(())
        };
        poll(all_are_new).unwrap_or_else(|| panic!("workers are left: {}", self.written()));
    }

    /// Returns the process ids of the workers.
    fn workers(&self) -> Vec<u32> {
        let id = self.process.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.split_whitespace().map(|child| child.parse().unwrap()).collect()
    }

    /// Runs nginx with any configuration. Its files and folders are in a folder of its own instead
    /// of `/etc/nginx` and so on.
    pub(crate) fn run(program: &str, config: &str, address: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.path().join("pims.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("pims.key"), key.serialize_pem()).unwrap();
        let modules = folder.path().join("modules-enabled");
        std::fs::create_dir(&modules).unwrap();
        if let Some(module) = STREAM_MODULES.into_iter().find(|module| Path::new(module).exists()) {
            std::fs::write(modules.join("stream.conf"), format!("load_module {module};\n")).unwrap();
        }
        let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {place}/{name};"))
            .collect();
        let config = config
            .replace("/run/nginx.pid", &format!("{place}/pid"))
            .replace("/var/log/nginx", &place)
            .replace("/etc/nginx", &place)
            .replace("\nhttp {\n", &format!("\nhttp {{\n    access_log {place}/main.log; {folders}\n"));
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, format!("daemon off;\n{config}")).unwrap();
        // If root starts it, its workers run as another user and write to files that root has
        // opened.
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).arg("-e").arg(folder.path().join("start.log"));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let url = format!("https://localhost:{}", address.port());
        let nginx = Self { process, folder, address, url };
        let listens = poll(|| TcpStream::connect(address).ok());
        assert!(listens.is_some(), "nginx does not listen: {}", nginx.written());
        nginx
    }

    /// Returns the certificate that it shows, PEM.
    pub(crate) fn certificate(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("pims.pem")).unwrap()
    }

    pub(crate) fn agent(&self) -> ureq::Agent {
        let tls = crate::http::trust(&self.certificate());
        crate::http::config().tls_config(tls).http_status_as_error(false).build().into()
    }

    /// Returns everything that it wrote: its logs, and files that it left.
    pub(crate) fn written(&self) -> String {
        let mut all = String::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    all += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
                }
            }
        }
        all
    }
}

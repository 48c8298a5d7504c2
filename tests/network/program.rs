//! The service as the production program: `pims-authority`, started with a configuration of its
//! own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::Verifier;
use crate::service::{Stream, read_body, read_head};

/// The files of a program with TLS.
pub(crate) const CERTIFICATE: &str = "server.pem";
pub(crate) const KEY: &str = "server.key";

/// A program that runs until it is dropped.
pub(crate) struct Program {
    process: Child,
    /// The address and the port.
    pub(crate) address: String,
    /// The program's certificate, if it uses TLS.
    certificate: Option<PathBuf>,
}

/// Returns the path of the program. If there is none, prints that the test was skipped, or fails if
/// `PIMS_REQUIRE_AUTHORITY=1`.
pub(crate) fn binary(tested: &str) -> Option<PathBuf> {
    let found = std::env::var_os("PIMS_TEST_AUTHORITY").map(PathBuf::from);
    if found.is_none() {
        let why = "PIMS_TEST_AUTHORITY does not name the program pims-authority";
        assert!(std::env::var_os("PIMS_REQUIRE_AUTHORITY").is_none_or(|value| value != "1"), "{why}");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: {tested}. {why}\n");
    }
    found
}

impl Verifier for Program {
    fn accepts(&self, password: &str) -> bool {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("action", "authenticate"), ("serviceId", "shop"), ("userId", "local")])
            .extend_pairs([("token", password), ("format", "json")])
            .finish();
        let request = format!("GET /FS?{query} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).unwrap();
        let head = read_head(&mut *stream).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let said: serde_json::Value = serde_json::from_str(&read_body(&mut *stream, &head)).unwrap();
        match said["err"].as_str() {
            Some("OK") => true,
            Some("NOK:ACCESS") => false,
            _ => panic!("{said}"),
        }
    }
}

impl Program {
    /// Opens a connection of its own, past anything between.
    fn connect(&self) -> Box<dyn Stream> {
        let socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let Some(certificate) = &self.certificate else { return Box::new(socket) };
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        let name = "localhost".try_into().unwrap();
        Box::new(rustls::StreamOwned::new(rustls::ClientConnection::new(config, name).unwrap(), socket))
    }

    /// Starts the program over the database, the master key and the outbox in this folder, with the
    /// token of the account `local`; over TLS if the folder has a certificate.
    pub(crate) fn start(binary: &Path, folder: &Path) -> Self {
        Self::start_with(binary, folder, &[])
    }

    /// Does the same with settings, given as environment variables.
    pub(crate) fn start_with(binary: &Path, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let certificate = Some(folder.join(CERTIFICATE)).filter(|file| file.exists());
        let tls = certificate
            .as_ref()
            .map_or_else(String::new, |_| format!("certificate_file = \"{CERTIFICATE}\"\nkey_file = \"{KEY}\""));
        let config = format!(
            "development = true\n[listen]\naddress = \"127.0.0.1:0\"\n{tls}
             [database]\nurl = \"sqlite:authority.db\"
             [master_key]\nhex_file = \"authority.key\"
             [activation]\nproof = \"ticket\"
             [tokens.static]\nlocal = \"{token}\"
             [sms]\ngateway = \"outbox\"\noutbox_file = \"outbox.jsonl\"\nretry_attempts = 1
             [pin]\ndenied = false\nhistory = 0
             [policy]\nevolve_k1_every = 1\nmax_devices = 1\notp_without_pin = true\ndevice_key_bits = 1024\ncodes_per_hour = 100\ncodes_per_day = 100
             [limits]\nwrong_codes_per_address_and_minute = 10000\nwrong_codes_per_minute = 10000\nrefused_finalize_per_address_and_minute = 10000\naddress_per_minute = 10000\naccount_per_minute = 10000\ncodes_per_number_and_hour = 100\nsms_per_minute = 10000\nsms_per_day = 10000\nsms_per_prefix_and_hour = 10000
             [relying_parties.services]\nshop = {{ open = true }}
             [log]\nformat = \"json\"\n",
            token = crate::TOKEN
        );
        let file = folder.join("pims-authority.toml");
        write(&file, &config);
        if !folder.join("authority.key").exists() {
            write(&folder.join("authority.key"), &"07".repeat(32));
        }
        let mut command = Command::new(binary);
        command.env_clear().envs(settings.iter().copied()).arg("--config").arg(&file).arg("serve");
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the program did not start: {told}");
            let json: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if json["message"] == "listening" {
                break json["address"].as_str().unwrap().to_owned();
            }
            told += &line;
        };
        // The program goes on to log. Nobody reads the log, but something must drain it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { process, address, certificate }
    }
}

/// Writes a file for its owner alone: the program takes no other secrets.
pub(crate) fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

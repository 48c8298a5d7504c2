//! The address of the database: its hosts, and TLS.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};
use zeroize::Zeroizing;

use super::message::message;
use crate::failure::StorageError;

/// The time until a silent connection is tested, if the address sets none.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);

/// The time between two such tests, if the address sets none.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// The number of tests without an answer after which a connection is closed, if the address sets
/// none.
const KEEPALIVE_RETRIES: u32 = 3;

/// The time after which a connection is closed if sent data is not acknowledged, if the address
/// sets none.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that the driver waits before it tests a silent connection, if nothing sets it.
const KEEPALIVE_IDLE_OF_DRIVER: Duration = Duration::from_secs(2 * 60 * 60);

/// The address of the database.
pub(super) struct Address {
    /// The configuration of the connection to each host. There is at least one.
    pub(super) hosts: Vec<Config>,
    /// True if the hosts are tried in a random order.
    pub(super) shuffled: bool,
    /// The encryption of connections. `None`: they are plain.
    pub(super) encryption: Option<Encryption>,
}

/// The encryption of connections. The certificate and the name of the server are always verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encryption {
    /// The file with the trusted roots. `None`: the roots of the system.
    pub(super) roots: Option<PathBuf>,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, StorageError> {
        let malformed = |reason: &str| StorageError::new(format!("the address of the database: {reason}"));
        let Own { rest, mode: own_mode, roots } = take_own_keys(url);
        let verified = match own_mode.as_deref() {
            None => None,
            Some("verify-ca" | "verify-full") => Some(SslMode::Require),
            Some("require") => Some(SslMode::Require),
            Some("prefer") => Some(SslMode::Prefer),
            Some("disable") => Some(SslMode::Disable),
            Some(_) => {
                return Err(malformed("sslmode must be disable, prefer, require, verify-ca or verify-full"));
            }
        };
        let mut config: Config = rest.parse().map_err(|error| malformed(reason(&message(&error).to_string())))?;
        if config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@'))) {
            return Err(malformed("a @ in the user or the password must be written as %40"));
        }
        if let Some(verified) = verified {
            config.ssl_mode(verified);
        }
        set_defaults(&mut config);
        let encryption = match mode(&config) {
            SslMode::Disable => None,
            _ => Some(Encryption { roots: roots.filter(|roots| roots != "system").map(PathBuf::from) }),
        };
        config.ssl_mode(if encryption.is_some() { SslMode::Require } else { SslMode::Disable });
        let shuffled = config.get_load_balance_hosts() == LoadBalanceHosts::Random;
        Ok(Self { hosts: hosts(&config), shuffled, encryption })
    }
}

/// Returns the reason why the driver refused an address. The driver names a key that it does not
/// know, which may be a piece of a password.
fn reason(text: &str) -> &str {
    if text.contains("unknown option") {
        "it has a key that is not known; a password with a blank must be quoted, one with & or = encoded"
    } else {
        text
    }
}

fn set_defaults(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("pims-authority");
    }
    if config.get_keepalives_idle() == KEEPALIVE_IDLE_OF_DRIVER {
        config.keepalives_idle(KEEPALIVE_IDLE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(KEEPALIVE_INTERVAL);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(KEEPALIVE_RETRIES);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(TCP_USER_TIMEOUT);
    }
}

/// Returns the effective `sslmode`. By default a connection is plain on this machine and encrypted
/// elsewhere. The two are never tried in turn, because a man in the middle could choose then.
fn mode(config: &Config) -> SslMode {
    match config.get_ssl_mode() {
        SslMode::Disable => SslMode::Disable,
        SslMode::Prefer if stays_here(config) => SslMode::Disable,
        _ => SslMode::Require,
    }
}

/// Returns whether every host is this machine. The driver connects to `hostaddr`, if it is set.
fn stays_here(config: &Config) -> bool {
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let has_one = !hosts.is_empty() || !addresses.is_empty();
    has_one && hosts.iter().all(is_local) && addresses.iter().all(|address| address.is_loopback())
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address = name.parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// Returns one configuration for each host. With several hosts, only a host that accepts writes is
/// used.
fn hosts(config: &Config) -> Vec<Config> {
    let (names, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = names.len().max(addresses.len());
    let fits = |length: usize| length == 0 || length == count;
    if count < 2 || !fits(names.len()) || !fits(addresses.len()) || !(ports.len() == 1 || fits(ports.len())) {
        // A wrong number of ports or addresses is reported by the driver.
        return vec![config.clone()];
    }
    let one = |index: usize| {
        let mut one = without_hosts(config);
        match names.get(index) {
            Some(Host::Tcp(name)) => drop(one.host(name.as_str())),
            #[cfg(unix)]
            Some(Host::Unix(path)) => drop(one.host_path(path)),
            None => {}
        }
        addresses.get(index).map(|address| one.hostaddr(*address));
        ports.get(index).or(ports.first()).map(|port| one.port(*port));
        if one.get_target_session_attrs() == TargetSessionAttrs::Any {
            one.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        one
    };
    (0..count).map(one).collect()
}

fn without_hosts(config: &Config) -> Config {
    let mut one = Config::new();
    config.get_user().map(|user| one.user(user));
    config.get_password().map(|password| one.password(password));
    config.get_dbname().map(|name| one.dbname(name));
    config.get_options().map(|options| one.options(options));
    config.get_application_name().map(|name| one.application_name(name));
    config.get_connect_timeout().map(|timeout| one.connect_timeout(*timeout));
    config.get_tcp_user_timeout().map(|timeout| one.tcp_user_timeout(*timeout));
    config.get_keepalives_interval().map(|interval| one.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
    one.keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    one
}

/// The keys of an address that the driver does not know, or knows in part, and the rest of it.
struct Own {
    rest: Zeroizing<String>,
    mode: Option<String>,
    roots: Option<String>,
}

/// Takes `sslmode` and `sslrootcert` out of an address.
fn take_own_keys(url: &str) -> Own {
    let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    let pairs = if is_url { pairs_of_url(url) } else { pairs_of_text(url) };
    let mut own = Own { rest: Zeroizing::new(String::with_capacity(url.len())), mode: None, roots: None };
    let mut kept = 0;
    for Pair { key, value, place } in pairs {
        let slot = match key.as_str() {
            "sslmode" => &mut own.mode,
            "sslrootcert" => &mut own.roots,
            _ => continue,
        };
        *slot = Some(value.to_string());
        own.rest.push_str(&url[kept..place.start]);
        kept = place.end;
    }
    own.rest.push_str(&url[kept..]);
    own
}

/// A key of an address with its value, and its place in the text.
struct Pair {
    key: String,
    value: Zeroizing<String>,
    place: Range<usize>,
}

/// Reads the keys after the `?` of a URL. The place of a pair includes the `&` after it.
fn pairs_of_url(url: &str) -> Vec<Pair> {
    // A password may contain a question mark.
    let host = url.find('@').unwrap_or(0);
    let Some(mark) = url[host..].find('?') else { return Vec::new() };
    let mut start = host + mark + 1;
    let mut pairs = Vec::new();
    while start < url.len() {
        let end = url[start..].find('&').map_or(url.len(), |length| start + length + 1);
        // In an address of PostgreSQL a plus sign is itself.
        let text = Zeroizing::new(url[start..end].trim_end_matches('&').replace('+', "%2B"));
        if let Some((key, value)) = form_urlencoded::parse(text.as_bytes()).next() {
            let value = Zeroizing::new(value.into_owned());
            pairs.push(Pair { key: key.into_owned(), value, place: start..end });
        }
        start = end;
    }
    pairs
}

/// Reads `key=value` pairs. Stops at the first fault, which the driver reports.
fn pairs_of_text(text: &str) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while let Some((key, after)) = rest.split_once('=') {
        let start = text.len() - rest.len();
        let Some((value, after)) = value_of_text(after.trim_start()) else { break };
        pairs.push(Pair { key: key.trim_end().to_owned(), value, place: start..text.len() - after.len() });
        rest = after.trim_start();
    }
    pairs
}

/// Returns a value, which may be quoted, and the text after it.
fn value_of_text(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let quoted = text.starts_with('\'');
    // The capacity is enough, so no copy stays behind.
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((place, character)) = characters.next() {
        match character {
            '\\' => value.push(characters.next()?.1),
            '\'' if quoted => return Some((value, &text[place + 1..])),
            _ if !quoted && character.is_whitespace() => return Some((value, &text[place..])),
            _ => value.push(character),
        }
    }
    if quoted { None } else { Some((value, "")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Address {
        Address::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn refused(url: &str) -> String {
        Address::parse(url).err().unwrap_or_else(|| panic!("{url}")).to_string()
    }

    #[test]
    fn a_connection_is_plain_on_this_machine_and_encrypted_elsewhere() {
        for here in ["host=localhost", "host=127.0.0.1", "postgresql://u@[::1]/d", "host=/run/postgresql"] {
            assert_eq!(parse(here).encryption, None, "{here}");
        }
        for elsewhere in [
            "host=db.example.org",
            "host=10.0.0.1",
            "host=localhost,db.example.org",
            "hostaddr=10.0.0.1",
            "host=localhost hostaddr=10.0.0.1",
            "host=/run/postgresql hostaddr=10.0.0.1",
            "user=u",
        ] {
            assert_eq!(parse(elsewhere).encryption, Some(Encryption { roots: None }), "{elsewhere}");
        }
        assert_eq!(parse("host=db.example.org sslmode=disable").encryption, None);
        assert!(parse("host=localhost sslmode=require").encryption.is_some());
    }

    #[test]
    fn the_keys_of_tls_are_read_in_both_forms() {
        for url in [
            "postgresql://u:p?w@db.example.org/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fa+b.pem&application_name=x",
            "postgres://u:p?w@db.example.org/d?application_name=x&sslrootcert=/etc/a+b.pem&sslmode=verify-ca",
            "host=db.example.org user=u password='p?w' dbname=d sslmode = 'verify-full' sslrootcert=/etc/a+b.pem application_name=x",
            "sslrootcert='/etc/a+b.pem' host=db.example.org user=u password=p?w dbname=d application_name=x sslmode=require",
        ] {
            let address = parse(url);
            assert_eq!(address.encryption, Some(Encryption { roots: Some("/etc/a+b.pem".into()) }), "{url}");
            let [config] = &address.hosts[..] else { panic!("{url}") };
            assert_eq!(config.get_application_name(), Some("x"), "{url}");
            assert_eq!(config.get_password(), Some(&b"p?w"[..]), "{url}");
            assert_eq!((config.get_user(), config.get_dbname()), (Some("u"), Some("d")), "{url}");
            assert_eq!(config.get_ssl_mode(), SslMode::Require, "{url}");
        }
        let system = parse("host=db.example.org sslmode=verify-full sslrootcert=system");
        assert_eq!(system.encryption, Some(Encryption { roots: None }));
        assert!(refused("host=a sslmode=allow").contains("verify-full"));
    }

    #[test]
    fn a_quoted_value_that_looks_like_a_key_stays() {
        let address = parse(r"host=localhost password='a sslmode=require \' sslrootcert=x' user=u");
        assert_eq!(address.hosts[0].get_password(), Some(&b"a sslmode=require ' sslrootcert=x"[..]));
        assert_eq!(address.encryption, None);
    }

    #[test]
    fn a_malformed_address_is_told_without_its_password() {
        for url in [
            "host=a password=hunter2 colour=blue",
            "host=a password='hunter2",
            "postgresql://u:hunter2@a/d?colour=blue",
            "postgresql://u:hunter2@a:x/d",
            "host=a password=hunter2 sslmode=hunter",
        ] {
            let error = refused(url);
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.starts_with("the address of the database: "), "{error}");
        }
        assert!(refused("host=a colour=blue").contains("a key that is not known"));
        // A part of a password that is neither quoted nor encoded.
        for url in
            ["host=a password=hunter 2=b", "postgres://u:a@hunter@db1,db2/d", "postgres://u@db/d?password=a&hunter=b"]
        {
            let error = refused(url);
            assert!(!error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn each_of_several_hosts_has_a_configuration_of_its_own_and_must_accept_writes() {
        for url in [
            "postgresql://u:pw@a:1,b:2/d?connect_timeout=3&channel_binding=disable&options=-c%20x",
            "host=a,b port=1,2 user=u password=pw dbname=d connect_timeout=3 channel_binding=disable options='-c x'",
        ] {
            let address = parse(url);
            assert_eq!(address.hosts.len(), 2, "{url}");
            for (config, (name, port)) in address.hosts.iter().zip([("a", 1), ("b", 2)]) {
                assert_eq!((config.get_hosts(), config.get_ports()), (&[Host::Tcp(name.into())][..], &[port][..]));
                assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
                // Everything but the host is as in the whole address.
                let mut whole = without_hosts(&url.parse().unwrap());
                set_defaults(&mut whole);
                whole.ssl_mode(SslMode::Require).target_session_attrs(TargetSessionAttrs::ReadWrite);
                assert_eq!(without_hosts(config), whole);
                assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(3)));
                assert_eq!((config.get_password(), config.get_options()), (Some(&b"pw"[..]), Some("-c x")));
            }
        }
        assert_eq!(parse("host=a").hosts[0].get_target_session_attrs(), TargetSessionAttrs::Any);
        let ports = parse("host=a,b port=1");
        assert!(ports.hosts.iter().all(|config| config.get_ports() == [1]));
        assert!(parse("host=a,b load_balance_hosts=random").shuffled);
    }

    #[test]
    fn a_connection_is_watched_unless_the_address_says_how() {
        let config = &parse("host=a").hosts[0];
        assert_eq!(config.get_keepalives_idle(), KEEPALIVE_IDLE);
        assert_eq!(config.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
        let config = &parse("host=a,b keepalives_idle=90 tcp_user_timeout=7 keepalives=0").hosts[1];
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(90));
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(7)));
        assert!(!config.get_keepalives());
    }
}

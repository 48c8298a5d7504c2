//! The configuration of `pims_init` and of `pims.sdk.configuration`: JSON in, typed values out.
//! Reading a configuration creates nothing.

mod keys;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use inwebo::values::Modulus;
use zeroize::Zeroizing;

use crate::error::{Code, Error};
pub use crate::log::{LogLevel, NewLogFile};
use crate::params::{Params, Value, is_token};
use crate::store::{Sharing, StorageKey};
use crate::transport::http::is_proxy;

/// Environment in which the application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `Production`
    Production,
    /// `Preproduction`
    Preproduction,
    /// `development`: may use the embedded authority.
    Development,
}

/// Location of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceUrl {
    /// The embedded authority, in this process.
    Embedded,
    /// A server at this URL.
    Remote(String),
}

/// Settings that matter only with the embedded authority.
#[derive(Clone, Debug, Default)]
pub struct EmbeddedConfig {
    /// The path of its database. If `None`, the database lies beside the device state.
    pub database: Option<PathBuf>,
    /// Seconds that are added to the clock of the authority and of the device. A test uses them
    /// instead of waiting.
    pub clock_offset_seconds: i64,
    /// If true, that clock stands still.
    pub clock_frozen: bool,
    /// Its domain rules.
    #[cfg(feature = "embedded")]
    pub policy: authority::Policy,
}

/// Details of the device that the host knows better than the library. A detail that the host does
/// not give is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceConfig {
    /// `device.OS`
    pub os: Option<String>,
    /// `device.OSVersion`
    pub os_version: Option<String>,
    /// `device.PhoneModel`
    pub phone_model: Option<String>,
    /// `device.PhoneBrand`
    pub phone_brand: Option<String>,
}

/// Validated configuration.
#[derive(Clone)]
pub struct Config {
    /// `environnement`
    pub environment: Environment,
    /// `mode`
    pub mode: &'static str,
    /// `profile.brand`, as the API spells it.
    pub brand: Option<&'static str>,
    /// `monitoring.logLevel`
    pub log_level: LogLevel,
    /// `monitoring.newLogFile`
    pub new_log_file: NewLogFile,
    /// `credential.macID`
    pub mac_id: Option<String>,
    /// `credential.inWeboURL`
    pub service: Option<ServiceUrl>,
    /// `credential.cvsURL`
    pub cvs: Option<String>,
    /// `credential.clientId`
    pub client_id: Option<String>,
    /// `credential.caFile`
    pub ca_file: Option<PathBuf>,
    /// `credential.pinnedCertificates`
    pub pins: Vec<[u8; 32]>,
    /// `network.proxy`
    pub proxy: Option<String>,
    /// `credential.factoryKey`
    pub factory_key: Option<Modulus>,
    /// `network.connectTimeoutMs`
    pub connect_timeout: Duration,
    /// `network.requestTimeoutMs`
    pub request_timeout: Duration,
    /// `account.accessToken`
    pub access_token: Option<Zeroizing<String>>,
    /// `account.username`
    pub username: String,
    /// The working directory at `pims_init`, or `None` if the system does not tell it. Relative
    /// paths start from it. All paths of a configuration are absolute, because the process may
    /// change its directory.
    pub working_folder: Option<PathBuf>,
    /// `storage.path`
    pub storage_path: PathBuf,
    /// `storage.allowSharedFolder`
    pub storage_sharing: Sharing,
    /// `storage.key`
    pub storage_key: Option<StorageKey>,
    /// `device`
    pub device: DeviceConfig,
    /// `embedded`
    pub embedded: EmbeddedConfig,
    /// One sentence for the log about each unknown key of the text.
    pub unknown_keys: Vec<String>,
}

impl Config {
    /// Reads and validates a configuration. Errors are 2004, with the key and its expected value.
    pub fn read(text: &str) -> Result<Self, Error> {
        Self::read_over(text, None)
    }

    /// Reads a configuration for a facade that runs. A missing key keeps its present value. Returns
    /// 2004 if the text changes a key that such a facade cannot change.
    pub fn change(&self, text: &str) -> Result<Self, Error> {
        let changed = Self::read_over(text, Some(self))?;
        let same_key = match (&changed.storage_key, &self.storage_key) {
            (Some(new), Some(old)) => new == old,
            (new, old) => new.is_none() == old.is_none(),
        };
        for (same, key) in [
            (changed.storage_path == self.storage_path, "storage.path"),
            (changed.storage_sharing == self.storage_sharing, "storage.allowSharedFolder"),
            (same_key, "storage.key"),
            (changed.username == self.username, "account.username"),
            (changed.database() == self.database(), "embedded.database"),
        ] {
            if !same {
                return Err(invalid(format!(
                    "{key}: cannot be changed while the library runs; call pims_free, then pims_init"
                )));
            }
        }
        Ok(changed)
    }

    fn read_over(text: &str, base: Option<&Self>) -> Result<Self, Error> {
        let root = Params::read(text).map_err(|error| invalid(error.detail().to_owned()))?;
        let unknown_keys = keys::check(&root)?;
        let root = Section { name: "", members: Some(&root) };
        let monitoring = root.section("monitoring")?;
        let credential = root.section("credential")?;
        credential.text("clientSecret")?;
        let network = root.section("network")?;
        let storage = root.section("storage")?;
        let account = root.section("account")?;
        let working_folder = match base {
            Some(base) => base.working_folder.clone(),
            None => std::env::current_dir().ok(),
        };
        let from = working_folder.as_deref();
        let timeout = |key, known: fn(&Self) -> Duration, otherwise| -> Result<Duration, Error> {
            let given = network.integer(key, 1..=u64::from(u32::MAX))?;
            Ok(given.map(Duration::from_millis).or(base.map(known)).unwrap_or(Duration::from_millis(otherwise)))
        };
        Ok(Self {
            mode: root.choice("mode", &["B2C", "B2B"])?.or(base.map(|base| base.mode)).unwrap_or("B2C"),
            brand: brand(&root)?.or_else(|| base?.brand),
            environment: environment(&root)?.or(base.map(|base| base.environment)).unwrap_or(Environment::Development),
            log_level: log_level(&monitoring)?.or(base.map(|base| base.log_level)).unwrap_or(LogLevel::Low),
            new_log_file: new_log_file(&monitoring, base.map(|base| base.new_log_file))?,
            mac_id: mac_id(&credential)?.or_else(|| base?.mac_id.clone()),
            service: service(&credential)?.or_else(|| base?.service.clone()),
            cvs: cvs(&credential)?.or_else(|| base?.cvs.clone()),
            client_id: credential.text("clientId")?.map(str::to_owned).or_else(|| base?.client_id.clone()),
            ca_file: match credential.text("caFile")? {
                Some(path) => Some(credential.absolute("caFile", path, from)?),
                None => base.and_then(|base| base.ca_file.clone()),
            },
            pins: match (pinned_certificates(&credential)?, base) {
                (Some(pins), _) => pins,
                (None, Some(base)) => base.pins.clone(),
                (None, None) => Vec::new(),
            },
            proxy: proxy(&network)?.or_else(|| base?.proxy.clone()),
            factory_key: factory_key(&credential)?.or_else(|| base?.factory_key.clone()),
            connect_timeout: timeout("connectTimeoutMs", |base| base.connect_timeout, 10_000)?,
            request_timeout: timeout("requestTimeoutMs", |base| base.request_timeout, 30_000)?,
            access_token: access_token(&account)?,
            username: match (username(&account)?, base) {
                (Some(name), _) => name,
                (None, Some(base)) => base.username.clone(),
                (None, None) => "local".to_owned(),
            },
            storage_path: match (storage_path(&storage, from)?, base) {
                (Some(path), _) => path,
                (None, Some(base)) => base.storage_path.clone(),
                (None, None) => platform_folder(&storage)?,
            },
            storage_sharing: storage
                .flag("allowSharedFolder")?
                .map(Sharing::allowed)
                .or(base.map(|base| base.storage_sharing))
                .unwrap_or_default(),
            storage_key: storage_key(&storage)?.or_else(|| base?.storage_key.clone()),
            device: device(&root.section("device")?, base.map(|base| &base.device))?,
            embedded: embedded(&root.section("embedded")?, from, base.map(|base| &base.embedded))?,
            working_folder,
            unknown_keys,
        })
    }

    /// Returns the realm of the API's accounts, as its requests name it, or `None` if no brand is
    /// configured.
    pub fn realm(&self) -> Option<String> {
        self.brand.map(|brand| format!("clients{}{brand}", self.mode))
    }

    /// Returns the path of the embedded authority's database.
    pub fn database(&self) -> PathBuf {
        self.embedded.database.clone().unwrap_or_else(|| self.storage_path.join("authority.db"))
    }

    /// Returns the location of the service, or `None` if StrongAuthentication is not configured.
    /// There is a default in development only.
    pub fn service(&self) -> Option<ServiceUrl> {
        match (&self.service, &self.mac_id) {
            (Some(ServiceUrl::Embedded), _) => Some(ServiceUrl::Embedded),
            (Some(remote), Some(_)) => Some(remote.clone()),
            (None, _) if self.environment == Environment::Development => Some(ServiceUrl::Embedded),
            _ => None,
        }
    }
}

fn environment(root: &Section<'_>) -> Result<Option<Environment>, Error> {
    const VALUES: [&str; 3] = ["Production", "Preproduction", "development"];
    let given = match root.choice("environnement", &VALUES)? {
        Some(given) => Some(given),
        None => root.choice("environment", &VALUES)?,
    };
    Ok(given.map(|given| match given {
        "Production" => Environment::Production,
        "Preproduction" => Environment::Preproduction,
        _ => Environment::Development,
    }))
}

fn log_level(monitoring: &Section<'_>) -> Result<Option<LogLevel>, Error> {
    let given = monitoring.choice("logLevel", &["none", "low", "medium", "high"])?;
    Ok(given.map(|given| match given {
        "none" => LogLevel::None,
        "medium" => LogLevel::Medium,
        "high" => LogLevel::High,
        _ => LogLevel::Low,
    }))
}

fn new_log_file(monitoring: &Section<'_>, base: Option<NewLogFile>) -> Result<NewLogFile, Error> {
    let minutes = monitoring.integer("newLogTimeDuration", 5..=1440)?.map(|minutes| minutes as u32);
    let known = match base {
        Some(NewLogFile::Duration(minutes)) => Some(minutes),
        _ => None,
    };
    Ok(match (monitoring.choice("newLogFile", &["appLaunch", "day", "duration"])?, base) {
        (Some("day"), _) => NewLogFile::Day,
        (Some("duration"), _) | (None, Some(NewLogFile::Duration(_))) => match minutes.or(known) {
            Some(minutes) => NewLogFile::Duration(minutes),
            None => {
                return Err(
                    monitoring.expected("newLogTimeDuration", "minutes, 5 to 1440, because newLogFile is \"duration\"")
                );
            }
        },
        (Some(_), _) => NewLogFile::AppLaunch,
        (None, base) => base.unwrap_or(NewLogFile::AppLaunch),
    })
}

fn mac_id(credential: &Section<'_>) -> Result<Option<String>, Error> {
    match credential.text("macID")? {
        Some(id) if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(Some(id.to_owned())),
        Some(_) => Err(credential.expected("macID", "32 hex digits")),
        None => Ok(None),
    }
}

fn cvs(credential: &Section<'_>) -> Result<Option<String>, Error> {
    match credential.text("cvsURL")? {
        Some(url) => remote(credential, "cvsURL", url).map(|()| Some(url.to_owned())),
        None => Ok(None),
    }
}

fn service(credential: &Section<'_>) -> Result<Option<ServiceUrl>, Error> {
    match credential.text("inWeboURL")? {
        None => Ok(None),
        Some("embedded:") if cfg!(feature = "embedded") => Ok(Some(ServiceUrl::Embedded)),
        Some("embedded:") => {
            Err(credential.expected("inWeboURL", "a URL: this library was built without the embedded authority"))
        }
        Some(url) => remote(credential, "inWeboURL", url).map(|()| Some(ServiceUrl::Remote(url.to_owned()))),
    }
}

/// Checks the URL of a service: `https`, or `http` to a loopback address.
fn remote(section: &Section<'_>, key: &str, url: &str) -> Result<(), Error> {
    let expected = || section.expected(key, "a URL, https://host[:port][/path]");
    let uri: http::Uri = url.parse().map_err(|_| expected())?;
    let host = uri.host().filter(|host| is_host(host)).ok_or_else(expected)?;
    // The parser drops parts that it does not understand, such as an invalid port.
    let authority = match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let whole = uri.authority().is_some_and(|found| found.as_str() == authority);
    if !whole || uri.query().is_some() || url.contains('#') {
        return Err(expected());
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(host) => Ok(()),
        Some("http") => Err(section.expected(key, "https://: http:// is accepted for a loopback address only")),
        _ => Err(expected()),
    }
}

/// Returns whether a host is a name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains(['[', ']']),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn pinned_certificates(credential: &Section<'_>) -> Result<Option<Vec<[u8; 32]>>, Error> {
    let expected = || credential.expected("pinnedCertificates", "a list of \"sha256/\" and 32 bytes in base64");
    let pin = |value: &Value<'_>| -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        let text = value.as_text()?.strip_prefix("sha256/")?;
        (Base64::decode(text, &mut bytes).ok()?.len() == 32).then_some(bytes)
    };
    match credential.get("pinnedCertificates") {
        None => Ok(None),
        Some(Value::List(pins)) => pins.iter().map(pin).collect::<Option<_>>().map(Some).ok_or_else(expected),
        Some(_) => Err(expected()),
    }
}

fn factory_key(credential: &Section<'_>) -> Result<Option<Modulus>, Error> {
    match credential.text("factoryKey")? {
        None => Ok(None),
        Some(text) => Modulus::from_hex(text)
            .map(Some)
            .map_err(|_| credential.expected("factoryKey", "an RSA modulus of 1024 to 4096 bits in hex")),
    }
}

/// Brands: the spelling of a configuration, which may use any case, and the spelling of the API.
const BRANDS: [(&str, &str); 5] =
    [("Peugeot", "Peugeot"), ("Citroen", "Citroen"), ("Ds", "DS"), ("Opel", "Opel"), ("Vauxhall", "Vauxhall")];

fn brand(root: &Section<'_>) -> Result<Option<&'static str>, Error> {
    let profile = root.section("profile")?;
    let Some(brand) = profile.text("brand")? else { return Ok(None) };
    match BRANDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(brand)) {
        Some((_, spelled)) => Ok(Some(spelled)),
        None => Err(profile.expected("brand", &one_of(&BRANDS.map(|(known, _)| known)))),
    }
}

fn proxy(network: &Section<'_>) -> Result<Option<String>, Error> {
    match network.text("proxy")? {
        Some(proxy) if is_proxy(proxy) => Ok(Some(proxy.to_owned())),
        Some(_) => Err(network.expected("proxy", "a URL, http://host:port or https://host:port")),
        None => Ok(None),
    }
}

fn access_token(account: &Section<'_>) -> Result<Option<Zeroizing<String>>, Error> {
    match account.text("accessToken")? {
        None => Ok(None),
        Some(token) if is_token(token) => Ok(Some(Zeroizing::new(token.to_owned()))),
        Some(_) => Err(account.expected("accessToken", "a token of printable ASCII characters without spaces")),
    }
}

fn username(account: &Section<'_>) -> Result<Option<String>, Error> {
    match account.text("username")? {
        None => Ok(None),
        Some(name) if (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control) => {
            Ok(Some(name.to_owned()))
        }
        Some(_) => Err(account.expected("username", "1 to 128 characters, none of them a control character")),
    }
}

fn storage_path(storage: &Section<'_>, from: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    match storage.text("path")? {
        None => Ok(None),
        Some("") => Err(storage.expected("path", "a folder")),
        Some(path) if path.contains('\0') => Err(storage.expected("path", "a folder, without NUL characters")),
        Some(path) => storage.absolute("path", path, from).map(Some),
    }
}

fn platform_folder(storage: &Section<'_>) -> Result<PathBuf, Error> {
    dirs::data_dir()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("pims"))
        .ok_or_else(|| storage.expected("path", "a folder: this platform has no data folder of its own"))
}

fn storage_key(storage: &Section<'_>) -> Result<Option<StorageKey>, Error> {
    match storage.text("key")? {
        None => Ok(None),
        Some(text) => {
            StorageKey::from_base64(text).map(Some).ok_or_else(|| storage.expected("key", "32 bytes in base64"))
        }
    }
}

fn device(section: &Section<'_>, base: Option<&DeviceConfig>) -> Result<DeviceConfig, Error> {
    let text = |key: &str, known: fn(&DeviceConfig) -> &Option<String>| match section.text(key)? {
        Some(text) if text.chars().count() <= 128 && !text.chars().any(char::is_control) => Ok(Some(text.to_owned())),
        Some(_) => Err(section.expected(key, "at most 128 characters, none of them a control character")),
        None => Ok(base.and_then(|base| known(base).clone())),
    };
    Ok(DeviceConfig {
        os: text("OS", |device| &device.os)?,
        os_version: text("OSVersion", |device| &device.os_version)?,
        phone_model: text("PhoneModel", |device| &device.phone_model)?,
        phone_brand: text("PhoneBrand", |device| &device.phone_brand)?,
    })
}

fn embedded(
    section: &Section<'_>,
    from: Option<&Path>,
    base: Option<&EmbeddedConfig>,
) -> Result<EmbeddedConfig, Error> {
    let offset = section.integer("clockOffsetSeconds", 0..=1_000_000_000)?.map(|seconds| seconds as i64);
    Ok(EmbeddedConfig {
        database: database(section, from)?.or_else(|| base?.database.clone()),
        clock_offset_seconds: offset.or(base.map(|base| base.clock_offset_seconds)).unwrap_or(0),
        clock_frozen: section.flag("clockFrozen")?.or(base.map(|base| base.clock_frozen)).unwrap_or(false),
        #[cfg(feature = "embedded")]
        policy: match (policy(section)?, base) {
            (Some(policy), _) => policy,
            (None, Some(base)) => base.policy.clone(),
            (None, None) => authority::Policy::default(),
        },
    })
}

/// Returns the path of the database. The master key lies beside it, with the extension `key`: the
/// two must not be one file.
fn database(section: &Section<'_>, from: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    let Some(given) = section.text("database")? else { return Ok(None) };
    let path = Path::new(given);
    if path.file_name().is_none() || path.extension().is_some_and(|extension| extension == "key") {
        return Err(
            section.expected("database", "a file whose name does not end with .key, which is that of its master key")
        );
    }
    section.absolute("database", given, from).map(Some)
}

/// Reads the settings of the authority's policy with the authority's own type.
#[cfg(feature = "embedded")]
fn policy(section: &Section<'_>) -> Result<Option<authority::Policy>, Error> {
    use serde::Deserialize;
    let Some(value) = section.get("policy") else { return Ok(None) };
    let Value::Object(members) = value else { return Err(section.expected("policy", "an object")) };
    keys::check_policy(members)?;
    for (name, value) in members.members() {
        let alone = serde_json::Value::Object([(name.to_owned(), json_of(value))].into_iter().collect());
        authority::Policy::deserialize(alone)
            .map_err(|error| invalid(format!("embedded.policy.{name}: {}", expectation(&error.to_string()))))?;
    }
    let whole = authority::Policy::deserialize(json_of(value));
    whole.map(Some).map_err(|error| invalid(format!("embedded.policy: {}", expectation(&error.to_string()))))
}

/// Returns a value of the configuration in the form that the authority reads. A policy has no
/// fractions and no negative numbers. Both become a number that no setting accepts.
#[cfg(feature = "embedded")]
fn json_of(value: &Value<'_>) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Flag(flag) => (*flag).into(),
        Value::Other => (-1).into(),
        Value::List(values) => values.iter().map(json_of).collect(),
        Value::Object(members) => {
            Json::Object(members.members().map(|(name, value)| (name.to_owned(), json_of(value))).collect())
        }
    }
}

/// Returns the reason why a setting of the policy is refused. The authority's own words stay. Names
/// of Rust types are translated.
#[cfg(feature = "embedded")]
fn expectation(error: &str) -> String {
    let is_foreign =
        ["invalid ", "unknown ", "missing ", "data did not match"].iter().any(|begin| error.starts_with(begin));
    match error.rsplit_once("expected ") {
        _ if !is_foreign => error.to_owned(),
        Some((_, "a boolean")) => "expected true or false".to_owned(),
        Some((_, "u32" | "u64" | "usize")) => "expected a whole number, not negative and not too large".to_owned(),
        Some((_, names)) if names.contains('`') => format!("expected {}", names.replace('`', "")),
        _ => "expected another kind of value, see docs/authority.md".to_owned(),
    }
}

/// Object of the configuration. If it is missing, it has no members.
struct Section<'a> {
    name: &'static str,
    members: Option<&'a Params<'a>>,
}

impl<'a> Section<'a> {
    fn get(&self, key: &str) -> Option<&'a Value<'a>> {
        self.members?.get(key)
    }

    fn section(&self, key: &'static str) -> Result<Section<'a>, Error> {
        match self.get(key) {
            None => Ok(Section { name: key, members: None }),
            Some(Value::Object(members)) => Ok(Section { name: key, members: Some(members) }),
            Some(_) => Err(self.expected(key, "an object")),
        }
    }

    fn text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => value.as_text().map(Some).ok_or_else(|| self.expected(key, "a string")),
        }
    }

    fn choice(&self, key: &str, values: &[&'static str]) -> Result<Option<&'static str>, Error> {
        match self.text(key)? {
            None => Ok(None),
            Some(given) => match values.iter().find(|value| **value == given) {
                Some(value) => Ok(Some(value)),
                None => Err(self.expected(key, &one_of(values))),
            },
        }
    }

    fn integer(&self, key: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Integer(number)) if range.contains(number) => Ok(Some(*number)),
            Some(_) => Err(self.expected(key, &format!("an integer from {} to {}", range.start(), range.end()))),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.expected(key, "true or false")),
        }
    }

    /// Returns the path of this key. A relative path starts from the working directory `from`.
    fn absolute(&self, key: &str, path: &str, from: Option<&Path>) -> Result<PathBuf, Error> {
        match from {
            _ if Path::new(path).is_absolute() => Ok(PathBuf::from(path)),
            Some(from) => Ok(from.join(path)),
            None => Err(self.expected(key, "an absolute path: the working directory of this process is gone")),
        }
    }

    /// Returns 2004 with the key and its expected value. The given value may be a secret and is not
    /// repeated.
    fn expected(&self, key: &str, what: &str) -> Error {
        let dot = if self.name.is_empty() { "" } else { "." };
        invalid(format!("{}{dot}{key}: expected {what}", self.name))
    }
}

fn invalid(detail: impl Into<Cow<'static, str>>) -> Error {
    Error::new(Code::ConfigurationInvalid).with_detail(detail)
}

fn one_of(values: &[&str]) -> String {
    let quoted: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
    format!("one of {}", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detail(text: &str) -> String {
        match Config::read(text) {
            Ok(_) => panic!("{text} was taken"),
            Err(error) => {
                assert_eq!(error.code(), Code::ConfigurationInvalid, "{text}");
                error.detail().to_owned()
            }
        }
    }

    fn read(text: &str) -> Config {
        Config::read(text).unwrap_or_else(|error| panic!("{text}: {}", error.detail()))
    }

    #[test]
    #[cfg(feature = "embedded")]
    fn a_bad_setting_of_the_policy_is_told_in_words_of_our_own() {
        const NUMBER: &str = "expected a whole number, not negative and not too large";
        let other = "expected another kind of value, see docs/authority.md";
        for (policy, told) in [
            ("1", "embedded.policy: expected an object".to_owned()),
            (
                r#"{"maxPinTrys":3}"#,
                "embedded.policy.maxPinTrys: there is no such key in embedded.policy; it is spelled maxPinTries"
                    .to_owned(),
            ),
            (
                r#"{"colour":3}"#,
                "embedded.policy.colour: there is no such key in embedded.policy; docs/authority.md names all of them"
                    .to_owned(),
            ),
            (r#"{"codeTries":3,"maxPinTries":"three"}"#, format!("embedded.policy.maxPinTries: {NUMBER}")),
            (r#"{"maxPinTries":-1}"#, format!("embedded.policy.maxPinTries: {NUMBER}")),
            (r#"{"maxPinTries":1.5}"#, format!("embedded.policy.maxPinTries: {NUMBER}")),
            (r#"{"maxPinTries":4294967296}"#, format!("embedded.policy.maxPinTries: {NUMBER}")),
            (r#"{"otpWithoutPin":1}"#, "embedded.policy.otpWithoutPin: expected true or false".to_owned()),
            (
                r#"{"activationProof":"none"}"#,
                "embedded.policy.activationProof: activationProof is none of token, ticket, open".to_owned(),
            ),
            (
                r#"{"activationProof":{"open":9}}"#,
                "embedded.policy.activationProof: a code of an open activation has 10 to 12 letters".to_owned(),
            ),
            (r#"{"activationProof":[]}"#, format!("embedded.policy.activationProof: {other}")),
            (r#"{"clone":"shout"}"#, "embedded.policy.clone: expected report or suspend".to_owned()),
            (r#"{"deviceKeyBits":3}"#, "embedded.policy.deviceKeyBits: ".to_owned()),
        ] {
            let detail = detail(&format!(r#"{{"embedded":{{"policy":{policy}}}}}"#));
            assert!(detail.starts_with(&told), "{policy}: {detail}");
            for foreign in ["::", "`", " u32", " usize", "serde", "untagged", "Written", "variant", "line "] {
                assert!(!detail.contains(foreign), "{policy}: {detail}");
            }
        }
        let last = read(r#"{"embedded":{"policy":{"maxPinTries":"three","maxPinTries":4}}}"#);
        assert_eq!(last.embedded.policy.max_pin_tries, 4);
    }

    #[test]
    fn an_empty_configuration_has_the_documented_defaults() {
        let config = read("{}");
        assert_eq!(config.environment, Environment::Development);
        assert_eq!((config.log_level, config.new_log_file), (LogLevel::Low, NewLogFile::AppLaunch));
        assert_eq!(config.username, "local");
        assert_eq!(config.service(), Some(ServiceUrl::Embedded));
        assert_eq!(config.storage_sharing, Sharing::Refused);
        assert!(config.storage_key.is_none() && config.factory_key.is_none());
    }

    #[test]
    fn unknown_keys_are_ignored_and_null_is_absent() {
        read(r#"{"x":1,"monitoring":{"y":[]},"credential":null,"mode":null}"#);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_was_expected() {
        for (text, expected) in [
            ("[]", "expected one JSON object"),
            (
                r#"{"environnement":"prod"}"#,
                "environnement: expected one of \"Production\", \"Preproduction\", \"development\"",
            ),
            (r#"{"environment":1}"#, "environment: expected a string"),
            (r#"{"mode":"b2c"}"#, "mode: expected one of \"B2C\", \"B2B\""),
            (r#"{"monitoring":1}"#, "monitoring: expected an object"),
            (r#"{"monitoring":{"logLevel":"all"}}"#, "monitoring.logLevel: expected one of"),
            (r#"{"monitoring":{"newLogFile":"duration"}}"#, "monitoring.newLogTimeDuration: expected minutes"),
            (
                r#"{"monitoring":{"newLogTimeDuration":4}}"#,
                "monitoring.newLogTimeDuration: expected an integer from 5 to 1440",
            ),
            (r#"{"credential":{"macID":"xyz"}}"#, "credential.macID: expected 32 hex digits"),
            (r#"{"credential":{"inWeboURL":"ftp://a"}}"#, "credential.inWeboURL: expected a URL"),
            (r#"{"credential":{"inWeboURL":"http://example.com"}}"#, "loopback address only"),
            (r#"{"credential":{"cvsURL":"nonsense"}}"#, "credential.cvsURL: expected a URL"),
            (r#"{"credential":{"factoryKey":"00"}}"#, "credential.factoryKey: expected an RSA modulus"),
            (r#"{"credential":{"pinnedCertificates":["sha256/x"]}}"#, "credential.pinnedCertificates: expected a list"),
            (r#"{"profile":{"brand":"Fiat"}}"#, "profile.brand: expected one of"),
            (r#"{"account":{"username":""}}"#, "account.username: expected 1 to 128 characters"),
            (r#"{"storage":{"path":""}}"#, "storage.path: expected a folder"),
            (r#"{"storage":{"allowSharedFolder":1}}"#, "storage.allowSharedFolder: expected true or false"),
            (r#"{"storage":{"key":"AAAA"}}"#, "storage.key: expected 32 bytes in base64"),
            (r#"{"network":{"proxy":"?"}}"#, "network.proxy: expected a URL"),
            (r#"{"network":{"proxy":"socks5://proxy:1080"}}"#, "network.proxy: expected a URL"),
            (r#"{"network":{"proxy":"http://proxy:x"}}"#, "network.proxy: expected a URL"),
            (r#"{"network":{"connectTimeoutMs":0}}"#, "network.connectTimeoutMs: expected an integer"),
            (r#"{"embedded":{"clockOffsetSeconds":-1}}"#, "embedded.clockOffsetSeconds: expected an integer"),
        ] {
            let found = detail(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
    }

    #[test]
    fn a_value_is_never_repeated_in_an_error() {
        let secret = "c2VjcmV0LXNlY3JldA";
        for text in [
            format!(r#"{{"storage":{{"key":"{secret}"}}}}"#),
            format!(r#"{{"account":{{"accessToken":["{secret}"]}}}}"#),
            format!(r#"{{"credential":{{"clientSecret":{{"{secret}":1}}}}}}"#),
            format!(r#"{{"network":{{"proxy":"socks5://user:{secret}@proxy"}}}}"#),
        ] {
            assert!(!detail(&text).contains(secret));
        }
    }

    #[test]
    fn outside_development_nothing_is_assumed() {
        for text in [
            r#"{"environnement":"Production"}"#,
            r#"{"environnement":"Preproduction","credential":{"inWeboURL":"https://example.com"}}"#,
            r#"{"environnement":"Production","credential":{"macID":"0123456789abcdef0123456789ABCDEF"}}"#,
        ] {
            assert_eq!(read(text).service(), None, "{text}");
        }
        let text = r#"{"environnement":"Production","credential":{"macID":"0123456789abcdef0123456789abcdef","inWeboURL":"https://example.com:8443/x"}}"#;
        assert_eq!(read(text).service(), Some(ServiceUrl::Remote("https://example.com:8443/x".into())));
        for url in ["http://127.0.0.1:8080", "http://[::1]:1", "http://localhost/x"] {
            read(&format!(r#"{{"credential":{{"inWeboURL":"{url}"}}}}"#));
        }
        for bad in [
            "http://127.0.0.1:70000",
            "http://localhost:",
            "http://localhost:1/x#y",
            "http://localhost/?a=b",
            "http://[::1]x:1",
            "http://[127.0.0.1]:1",
            "http://user@localhost",
            "https://",
            "localhost:80",
        ] {
            for key in ["inWeboURL", "cvsURL"] {
                assert!(detail(&format!(r#"{{"credential":{{"{key}":"{bad}"}}}}"#)).contains(key), "{bad}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_2004(text in ".*") {
            if let Err(error) = Config::read(&text) {
                prop_assert_eq!(error.code(), Code::ConfigurationInvalid);
            }
        }
    }
}

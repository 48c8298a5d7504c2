//! The configuration of `pims_init` and of `pims.sdk.configuration`: JSON in, typed values out.
//! Reading a configuration creates nothing.

mod forms;
mod keys;
mod kinds;
mod names;
#[cfg(feature = "embedded")]
mod policy;
mod reader;

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use inwebo::cvs::Keystore;
use inwebo::values::Modulus;
use zeroize::Zeroizing;

use self::keys::Rotation;
use self::reader::{Reader, expected};
use crate::error::{Code, Error};
pub use crate::log::{LogLevel, NewLogFile};
use crate::params::Params;
use crate::store::{Sharing, StorageKey};
pub use crate::strongauth::budget::Limits;

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
    /// `monitoring.maxLogFileBytes`
    pub max_log_file_bytes: u64,
    /// `credential.macID`
    pub mac_id: Option<String>,
    /// `credential.inWeboURL`
    pub service: Option<ServiceUrl>,
    /// `inwebo.path`
    pub mac_path: String,
    /// `inwebo.version`
    pub protocol_version: String,
    /// `inwebo.userAgent`
    pub mac_user_agent: Option<String>,
    /// `credential.cvsURL`
    pub cvs: Option<String>,
    /// `cvs.locale`
    pub locale: Option<String>,
    /// `cvs.userAgent`
    pub cvs_user_agent: Option<String>,
    /// `limits`
    pub limits: Limits,
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
    /// `account.askSeconds`
    pub ask_interval: Duration,
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
    /// `storage.keystore`
    pub keystore: Option<Keystore>,
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
        for (same, name) in [
            (changed.storage_path == self.storage_path, keys::STORAGE_PATH.name),
            (changed.storage_sharing == self.storage_sharing, keys::ALLOW_SHARED_FOLDER.name),
            (same_key, keys::STORAGE_KEY.name),
            (changed.username == self.username, keys::USERNAME.name),
            (changed.database() == self.database(), keys::DATABASE.name),
        ] {
            if !same {
                return Err(invalid(format!(
                    "{name}: cannot be changed while the library runs; call pims_free, then pims_init"
                )));
            }
        }
        Ok(changed)
    }

    fn read_over(text: &str, base: Option<&Self>) -> Result<Self, Error> {
        let root = Params::read(text).map_err(|error| invalid(error.detail().to_owned()))?;
        let unknown_keys = names::check(&root)?;
        let working_folder = match base {
            Some(base) => base.working_folder.clone(),
            None => std::env::current_dir().ok(),
        };
        let reader = Reader::new(&root, working_folder.as_deref())?;
        reader.given(&keys::CLIENT_SECRET)?;
        let timeout = |key, known: Option<Duration>| -> Result<Duration, Error> {
            let known = known.map(|known| known.as_millis() as u64);
            reader.setting(key, known).map(Duration::from_millis)
        };
        Ok(Self {
            mode: reader.setting(&keys::MODE, base.map(|base| base.mode))?,
            brand: reader.setting(&keys::BRAND, base.map(|base| base.brand))?,
            environment: match reader.given(&keys::ENVIRONMENT)? {
                Some(given) => given,
                None => reader.setting(&keys::ENVIRONMENT_IN_ENGLISH, base.map(|base| base.environment))?,
            },
            log_level: reader.setting(&keys::LOG_LEVEL, base.map(|base| base.log_level))?,
            new_log_file: new_log_file(&reader, base.map(|base| base.new_log_file))?,
            max_log_file_bytes: reader.setting(&keys::MAX_LOG_FILE_BYTES, base.map(|base| base.max_log_file_bytes))?,
            mac_id: reader.given(&keys::MAC_ID)?.or_else(|| base?.mac_id.clone()),
            service: reader.given(&keys::INWEBO_URL)?.or_else(|| base?.service.clone()),
            mac_path: reader.setting(&keys::INWEBO_PATH, base.map(|base| base.mac_path.clone()))?,
            protocol_version: reader.setting(&keys::INWEBO_VERSION, base.map(|base| base.protocol_version.clone()))?,
            mac_user_agent: reader.given(&keys::INWEBO_USER_AGENT)?.or_else(|| base?.mac_user_agent.clone()),
            cvs: reader.given(&keys::CVS_URL)?.or_else(|| base?.cvs.clone()),
            locale: reader.given(&keys::CVS_LOCALE)?.or_else(|| base?.locale.clone()),
            cvs_user_agent: reader.given(&keys::CVS_USER_AGENT)?.or_else(|| base?.cvs_user_agent.clone()),
            limits: limits(&reader, base.map(|base| base.limits))?,
            client_id: reader.given(&keys::CLIENT_ID)?.or_else(|| base?.client_id.clone()),
            ca_file: reader.path(&keys::CA_FILE)?.or_else(|| base?.ca_file.clone()),
            pins: reader.setting(&keys::PINNED_CERTIFICATES, base.map(|base| base.pins.clone()))?,
            proxy: reader.given(&keys::PROXY)?.or_else(|| base?.proxy.clone()),
            factory_key: reader.given(&keys::FACTORY_KEY)?.or_else(|| base?.factory_key.clone()),
            connect_timeout: timeout(&keys::CONNECT_TIMEOUT, base.map(|base| base.connect_timeout))?,
            request_timeout: timeout(&keys::REQUEST_TIMEOUT, base.map(|base| base.request_timeout))?,
            access_token: reader.given(&keys::ACCESS_TOKEN)?,
            username: reader.setting(&keys::USERNAME, base.map(|base| base.username.clone()))?,
            ask_interval: {
                let known = base.map(|base| base.ask_interval.as_secs());
                reader.setting(&keys::ASK_SECONDS, known).map(Duration::from_secs)?
            },
            storage_path: match (reader.path(&keys::STORAGE_PATH)?, base) {
                (Some(path), _) => path,
                (None, Some(base)) => base.storage_path.clone(),
                (None, None) => platform_folder()?,
            },
            storage_sharing: {
                let known = base.map(|base| base.storage_sharing == Sharing::Allowed);
                Sharing::allowed(reader.setting(&keys::ALLOW_SHARED_FOLDER, known)?)
            },
            storage_key: reader.given(&keys::STORAGE_KEY)?.or_else(|| base?.storage_key.clone()),
            keystore: reader.setting(&keys::STORAGE_KEYSTORE, base.map(|base| base.keystore))?,
            device: device(&reader, base.map(|base| &base.device))?,
            embedded: embedded(&reader, base.map(|base| &base.embedded))?,
            unknown_keys,
            working_folder,
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

/// Reads the limits of this device. 0 is no limit.
fn limits(reader: &Reader<'_>, present: Option<Limits>) -> Result<Limits, Error> {
    let limit = |key, present: Option<Option<NonZeroU32>>| -> Result<Option<NonZeroU32>, Error> {
        let present = present.map(|limit| limit.map_or(0, |limit| u64::from(limit.get())));
        Ok(NonZeroU32::new(reader.setting(key, present)? as u32))
    };
    Ok(Limits {
        passwords_per_day: limit(&keys::PASSWORDS_PER_DAY, present.map(|limits| limits.passwords_per_day))?,
        activations: limit(&keys::ACTIVATIONS, present.map(|limits| limits.activations))?,
    })
}

/// Reads the rule for the start of a new log file, with its minutes.
fn new_log_file(reader: &Reader<'_>, present: Option<NewLogFile>) -> Result<NewLogFile, Error> {
    let minutes = reader.given(&keys::NEW_LOG_TIME_DURATION)?.map(|minutes| minutes as u32);
    let (rotation, known) = match present {
        Some(NewLogFile::AppLaunch) => (Some(Rotation::AppLaunch), None),
        Some(NewLogFile::Day) => (Some(Rotation::Day), None),
        Some(NewLogFile::Duration(minutes)) => (Some(Rotation::Duration), Some(minutes)),
        None => (None, None),
    };
    match reader.setting(&keys::NEW_LOG_FILE, rotation)? {
        Rotation::AppLaunch => Ok(NewLogFile::AppLaunch),
        Rotation::Day => Ok(NewLogFile::Day),
        Rotation::Duration => minutes.or(known).map(NewLogFile::Duration).ok_or_else(|| {
            let bounds = &keys::NEW_LOG_TIME_DURATION.kind.bounds;
            let words = format!("minutes, {} to {}, because newLogFile is \"duration\"", bounds.start(), bounds.end());
            expected(keys::NEW_LOG_TIME_DURATION.name, &words)
        }),
    }
}

fn platform_folder() -> Result<PathBuf, Error> {
    let folder = dirs::data_dir().filter(|folder| folder.is_absolute());
    folder
        .map(|folder| folder.join("pims"))
        .ok_or_else(|| expected(keys::STORAGE_PATH.name, "a folder: this platform has no data folder of its own"))
}

fn device(reader: &Reader<'_>, present: Option<&DeviceConfig>) -> Result<DeviceConfig, Error> {
    Ok(DeviceConfig {
        os: reader.given(&keys::DEVICE_OS)?.or_else(|| present?.os.clone()),
        os_version: reader.given(&keys::DEVICE_OS_VERSION)?.or_else(|| present?.os_version.clone()),
        phone_model: reader.given(&keys::DEVICE_PHONE_MODEL)?.or_else(|| present?.phone_model.clone()),
        phone_brand: reader.given(&keys::DEVICE_PHONE_BRAND)?.or_else(|| present?.phone_brand.clone()),
    })
}

fn embedded(reader: &Reader<'_>, present: Option<&EmbeddedConfig>) -> Result<EmbeddedConfig, Error> {
    let known_offset = present.map(|present| present.clock_offset_seconds as u64);
    Ok(EmbeddedConfig {
        database: reader.path(&keys::DATABASE)?.or_else(|| present?.database.clone()),
        clock_offset_seconds: reader.setting(&keys::CLOCK_OFFSET, known_offset)? as i64,
        clock_frozen: reader.setting(&keys::CLOCK_FROZEN, present.map(|present| present.clock_frozen))?,
        #[cfg(feature = "embedded")]
        policy: match (reader.value(keys::POLICY.name), present) {
            (Some(value), _) => policy::read(value)?,
            (None, Some(present)) => present.policy.clone(),
            (None, None) => authority::Policy::default(),
        },
    })
}

fn invalid(detail: impl Into<Cow<'static, str>>) -> Error {
    Error::new(Code::ConfigurationInvalid).with_detail(detail)
}

/// Returns the table of all keys in docs/configuration.md.
pub fn key_table() -> String {
    keys::table()
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
    fn a_bad_setting_of_the_policy_is_named_in_our_own_words() {
        const NUMBER: &str = "expected a whole number, not negative and not too large";
        let other = "expected another kind of value, see docs/authority.md";
        for (policy, expected_detail) in [
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
            assert!(detail.starts_with(&expected_detail), "{policy}: {detail}");
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
        assert_eq!(config.max_log_file_bytes, 8 * 1024 * 1024);
        assert_eq!(config.username, "local");
        assert_eq!(config.ask_interval, Duration::from_secs(60));
        assert_eq!(config.service(), Some(ServiceUrl::Embedded));
        assert_eq!(config.storage_sharing, Sharing::Refused);
        assert!(config.storage_key.is_none() && config.factory_key.is_none());
    }

    /// A value of each key of the table. Those of keys that cannot change are not the defaults.
    const VALUES: &[(&str, &str)] = &[
        ("environnement", r#""Production""#),
        ("environment", r#""Preproduction""#),
        ("mode", r#""B2B""#),
        ("monitoring.logLevel", r#""high""#),
        ("monitoring.newLogFile", r#""day""#),
        ("monitoring.newLogTimeDuration", "1440"),
        ("monitoring.maxLogFileBytes", "65536"),
        ("credential.clientId", r#""id""#),
        ("credential.clientSecret", r#""secret""#),
        ("credential.macID", r#""0123456789abcdef0123456789abcdef""#),
        ("credential.inWeboURL", r#""https://example.com""#),
        ("credential.cvsURL", r#""https://example.com/cvs""#),
        ("credential.factoryKey", ""),
        ("credential.pinnedCertificates", r#"["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]"#),
        ("credential.caFile", r#""roots.pem""#),
        ("inwebo.path", r#""/mac""#),
        ("inwebo.version", r#""Generator-1.0/0.2.19""#),
        ("inwebo.userAgent", r#""x/1""#),
        ("cvs.locale", r#""fr-FR""#),
        ("cvs.userAgent", r#""okhttp/4.8.0""#),
        ("limits.passwordsPerDay", "6"),
        ("limits.activations", "20"),
        ("profile.brand", r#""OPEL""#),
        ("account.username", r#""alice""#),
        ("account.accessToken", r#""token""#),
        ("account.askSeconds", "5"),
        ("storage.path", r#""elsewhere""#),
        ("storage.allowSharedFolder", "true"),
        ("storage.key", r#""AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=""#),
        ("storage.keystore", r#""hardware""#),
        ("network.connectTimeoutMs", "1"),
        ("network.requestTimeoutMs", "4294967295"),
        ("network.proxy", r#""http://proxy:3128""#),
        ("device.OS", r#""x""#),
        ("device.OSVersion", r#""x""#),
        ("device.PhoneModel", r#""x""#),
        ("device.PhoneBrand", r#""x""#),
        ("embedded.database", r#""other.db""#),
        ("embedded.clockOffsetSeconds", "1000000000"),
        ("embedded.clockFrozen", "true"),
        ("embedded.policy", "{}"),
    ];

    #[test]
    fn a_running_facade_can_change_each_key_unless_the_table_says_only_at_init() {
        let modulus = format!(r#""{}d""#, "c".repeat(255));
        let names: Vec<_> = keys::NAMES.iter().map(ToString::to_string).collect();
        assert_eq!(names, VALUES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let table = key_table();
        for (name, value) in VALUES {
            let value = if value.is_empty() { modulus.as_str() } else { value };
            let text = match name.split_once('.') {
                Some((object, key)) => format!(r#"{{"{object}":{{"{key}":{value}}}}}"#),
                None => format!(r#"{{"{name}":{value}}}"#),
            };
            assert!(read(&text).unknown_keys.is_empty(), "{text}");
            let changed = read("{}").change(&text);
            let refused = changed.err().map(|error| error.detail().to_owned());
            let row = table.lines().find(|row| row.contains(&format!("`{name}` |"))).expect(name);
            let expected = row
                .contains("*Only at `pims_init`*")
                .then(|| format!("{name}: cannot be changed while the library runs; call pims_free, then pims_init"));
            assert_eq!(refused, expected, "{text}");
            // Only the embedded service reads its policy.
            if *name == "embedded.policy" && !cfg!(feature = "embedded") {
                continue;
            }
            // Another kind of value is refused in the words that the page prints.
            let other = text.replace(value, "1.5");
            assert!(detail(&other).starts_with(&format!("{name}: expected ")), "{other}");
        }
    }

    #[test]
    fn unknown_keys_are_ignored_and_null_is_absent() {
        read(r#"{"x":1,"":1,"monitoring":{"y":[]},"credential":null,"mode":null}"#);
    }

    #[test]
    fn a_wrong_value_is_named_with_the_expected_one() {
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
            (
                r#"{"monitoring":{"maxLogFileBytes":65535}}"#,
                "monitoring.maxLogFileBytes: expected an integer from 65536 to 1073741824",
            ),
            (r#"{"credential":{"macID":"xyz"}}"#, "credential.macID: expected 32 hex digits"),
            (r#"{"credential":{"inWeboURL":"ftp://a"}}"#, "credential.inWeboURL: expected a URL"),
            (r#"{"credential":{"inWeboURL":"http://example.com"}}"#, "loopback address only"),
            (r#"{"credential":{"cvsURL":"nonsense"}}"#, "credential.cvsURL: expected a URL"),
            (r#"{"credential":{"factoryKey":"00"}}"#, "credential.factoryKey: expected an RSA modulus"),
            (r#"{"credential":{"pinnedCertificates":["sha256/x"]}}"#, "credential.pinnedCertificates: expected a list"),
            (r#"{"inwebo":{"path":"iwws/MAC"}}"#, "inwebo.path: expected a path"),
            (r#"{"inwebo":{"path":"/iwws/MAC?"}}"#, "inwebo.path: expected a path"),
            (r#"{"inwebo":{"path":"/iwws/../MAC"}}"#, "inwebo.path: expected a path"),
            (r#"{"credential":{"inWeboURL":"https://host/a/../b"}}"#, "credential.inWeboURL: expected a URL"),
            (r#"{"inwebo":{"version":""}}"#, "inwebo.version: expected 1 to 64 printable"),
            (r#"{"inwebo":{"userAgent":"a\r\nb"}}"#, "inwebo.userAgent: expected 1 to 256 printable"),
            (r#"{"cvs":{"locale":"fr_FR"}}"#, "cvs.locale: expected a language tag"),
            (r#"{"limits":{"passwordsPerDay":101}}"#, "limits.passwordsPerDay: expected an integer from 0 to 100"),
            (r#"{"limits":{"activations":-1}}"#, "limits.activations: expected an integer from 0 to 1000"),
            (r#"{"profile":{"brand":"Fiat"}}"#, "profile.brand: expected one of"),
            (r#"{"account":{"username":""}}"#, "account.username: expected 1 to 128 characters"),
            (r#"{"account":{"askSeconds":4}}"#, "account.askSeconds: expected an integer from 5 to 86400"),
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

//! The table of all keys of a configuration.
//!
//! Each key stands here once, with its kind, bounds, default and meaning. The reader, the check of
//! the names and the table in docs/configuration.md take them from here. The comment of a key is
//! its meaning on that page.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use inwebo::client::VERSION;
use inwebo::cvs::Keystore;
use inwebo::values::Modulus;
use zeroize::Zeroizing;

use super::forms::{self, Pin};
use super::kinds::{Choice, Described, Flag, InWords, List, Missing, Number, Object, Text};
use super::{Environment, ServiceUrl};
use crate::log::LogLevel;
use crate::store::StorageKey;
use crate::transport::http::MAC_PATH;

/// Key of a configuration, whose value is of the kind `K`.
pub(super) struct Key<K> {
    pub(super) name: Name,
    pub(super) kind: K,
    origin: Origin,
    change: Change,
}

/// Name of a key, and the object that contains it. The object without a name is the top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) object: &'static str,
    pub(super) key: &'static str,
}

/// Origin of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The reference has this key.
    Reference,
    /// The key is this project's own.
    Own,
}

/// Time at which a key can change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// At `pims_init`, and by `pims.sdk.configuration`.
    Always,
    /// At `pims_init` only.
    AtInit,
}

impl<K> Key<K> {
    const fn reference(object: &'static str, key: &'static str, kind: K) -> Self {
        Self { name: Name { object, key }, kind, origin: Origin::Reference, change: Change::Always }
    }

    const fn own(object: &'static str, key: &'static str, kind: K) -> Self {
        Self { name: Name { object, key }, kind, origin: Origin::Own, change: Change::Always }
    }

    const fn own_at_init(object: &'static str, key: &'static str, kind: K) -> Self {
        Self { name: Name { object, key }, kind, origin: Origin::Own, change: Change::AtInit }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.object.is_empty() { "" } else { "." };
        write!(f, "{}{dot}{}", self.object, self.key)
    }
}

/// Defines the keys, their names as [`NAMES`], and their rows on the page as [`rows`]. A key that
/// is defined cannot be missing in either.
macro_rules! keys {
    ($($(#[doc = $meaning:literal])+ $key:ident: $kind:ty = $value:expr;)+) => {
        $($(#[doc = $meaning])+ pub(super) const $key: Key<$kind> = $value;)+

        /// Names of all keys, object by object, the top level first.
        pub(super) const NAMES: &[Name] = &[$($key.name),+];

        /// Returns the rows of all keys on the page.
        fn rows() -> Vec<String> {
            vec![$($key.row(concat!($($meaning),+))),+]
        }
    };
}

const ENVIRONMENTS: Choice<Environment> = Choice::of(
    &[
        ("Production", Environment::Production),
        ("Preproduction", Environment::Preproduction),
        ("development", Environment::Development),
    ],
    Environment::Development,
);

/// Brands: the spelling of a configuration, which may use any case, and the spelling of the API.
const BRANDS: Choice<Option<&str>> = Choice::in_any_case(
    &[
        ("Peugeot", Some("Peugeot")),
        ("Citroen", Some("Citroen")),
        ("Ds", Some("DS")),
        ("Opel", Some("Opel")),
        ("Vauxhall", Some("Vauxhall")),
    ],
    None,
);

const KEYSTORES: Choice<Option<Keystore>> =
    Choice::of(&[of_keystore(Keystore::Hardware), of_keystore(Keystore::Software)], None);

const fn of_keystore(keystore: Keystore) -> (&'static str, Option<Keystore>) {
    (keystore.as_str(), Some(keystore))
}

const LOG_LEVELS: Choice<LogLevel> = Choice::of(
    &[("none", LogLevel::None), ("low", LogLevel::Low), ("medium", LogLevel::Medium), ("high", LogLevel::High)],
    LogLevel::Low,
);

const ROTATIONS: Choice<Rotation> = Choice::of(
    &[("appLaunch", Rotation::AppLaunch), ("day", Rotation::Day), ("duration", Rotation::Duration)],
    Rotation::AppLaunch,
);

/// Rule for the start of a new log file, without its minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    AppLaunch,
    Day,
    Duration,
}

const fn milliseconds(default: u64) -> Number<u64> {
    Number::with_default(1..=u32::MAX as u64, default)
}

const fn detail() -> Text<String, InWords> {
    let form = "at most 128 characters, none of them a control character";
    Text { form, parse: forms::device_detail, default: InWords("what the library can detect") }
}

/// Default of both user agents.
const OUR_USER_AGENT: InWords = InWords("`libpims/` and its version");

/// Bounds of the minutes between two log files.
/// Bounds of the size of a log file: 64 KiB to 1 GiB.
const LOG_FILE_BYTES: RangeInclusive<u64> = 65_536..=1_073_741_824;

const MINUTES: RangeInclusive<u64> = 5..=1440;

keys! {
    /// `development` uses the embedded authority if there is no URL. The other two have no default
    /// service.
    ENVIRONMENT: Choice<Environment> = Key::reference("", "environnement", ENVIRONMENTS);

    /// the same key in English spelling. It counts if `environnement` is missing.
    ENVIRONMENT_IN_ENGLISH: Choice<Environment> = Key::own("", "environment", ENVIRONMENTS);

    /// sent to CVS with the brand
    MODE: Choice<&'static str> = Key::reference("", "mode", Choice::of(&[("B2C", "B2C"), ("B2B", "B2B")], "B2C"));

    /// `low`: errors. `medium`: also warnings, and the start and end of the facade. `high`: also
    /// each request and its outcome, with the code and detail of an error, never a secret
    LOG_LEVEL: Choice<LogLevel> = Key::reference("monitoring", "logLevel", LOG_LEVELS);

    /// when the library begins a new file in `<storage.path>/logs`: at each `pims_init`, each day
    /// (UTC), or every `newLogTimeDuration` minutes
    NEW_LOG_FILE: Choice<Rotation> = Key::reference("monitoring", "newLogFile", ROTATIONS);

    /// minutes. Required with `duration`
    NEW_LOG_TIME_DURATION: Number<Missing> =
        Key::reference("monitoring", "newLogTimeDuration", Number::without_default(MINUTES));

    /// the size at which a log file ends. The log goes on in a new file, `pims-<moment>.log`. The
    /// library keeps the newest 30 files
    MAX_LOG_FILE_BYTES: Number<u64> =
        Key::own("monitoring", "maxLogFileBytes", Number::with_default(LOG_FILE_BYTES, 8_388_608));

    /// the id of the CVS client. The library sends it with each request to CVS
    CLIENT_ID: Text<String> =
        Key::reference("credential", "clientId", Text { form: "a string", parse: forms::any, default: Missing });

    /// the secret of the CVS client. The library checks its form and does not use it
    CLIENT_SECRET: Text<()> =
        Key::reference("credential", "clientSecret", Text { form: "a string", parse: |_| Ok(()), default: Missing });

    /// the application's id at the inWebo service
    MAC_ID: Text<String> =
        Key::reference("credential", "macID", Text { form: "32 hex digits", parse: forms::mac_id, default: Missing });

    /// the inWebo service. `embedded:` is the embedded authority
    INWEBO_URL: Text<ServiceUrl> =
        Key::reference("credential", "inWeboURL", Text { form: forms::URL, parse: forms::service, default: Missing });

    /// the CVS service
    CVS_URL: Text<String, InWords> = Key::own("credential", "cvsURL", Text {
        form: forms::URL,
        parse: forms::remote,
        default: InWords("scheme, host and port of `inWeboURL`"),
    });

    /// pins the service's factory key. Another key fails with 2308
    FACTORY_KEY: Text<Modulus> = Key::own("credential", "factoryKey", Text {
        form: "an RSA modulus of 1024 to 4096 bits in hex",
        parse: forms::factory_key,
        default: Missing,
    });

    /// SHA-256 of public keys (SPKI). The server's certificate must have one of these keys and must
    /// be trusted, else 2208
    PINNED_CERTIFICATES: List<Pin> = Key::own("credential", "pinnedCertificates", List {
        form: "a list of \"sha256/\" and 32 bytes in base64",
        parse: forms::pinned_certificate,
    });

    /// PEM certificates: the roots to trust instead. If the system has no readable roots, as on a
    /// phone, the library uses Mozilla's, which it brings
    CA_FILE: Text<PathBuf, InWords> =
        Key::own("credential", "caFile", Text { form: "a path", parse: forms::file, default: InWords("the system's roots") });

    /// the path of the exchange, after the URL of the inWebo service
    INWEBO_PATH: Text<String, &'static str> = Key::own("inwebo", "path", Text {
        form: "a path of at most 128 characters that begins with /, as in a URL, without ., .., //, ?, #, % and ;",
        parse: forms::path,
        default: MAC_PATH,
    });

    /// the protocol version that the exchange names. If the service answers 2309, try a newer one
    INWEBO_VERSION: Text<String, &'static str> = Key::own("inwebo", "version", Text {
        form: "1 to 64 printable ASCII characters",
        parse: forms::version,
        default: VERSION,
    });

    /// the header `User-Agent` of the exchange
    INWEBO_USER_AGENT: Text<String, InWords> = Key::own("inwebo", "userAgent", Text {
        form: forms::USER_AGENT,
        parse: forms::user_agent,
        default: OUR_USER_AGENT,
    });

    /// the language of SMS. CVS gets it with each request for an SMS code, as the parameter
    /// `locale` and in the header `Accept-Language`
    CVS_LOCALE: Text<String> = Key::own("cvs", "locale", Text {
        form: "a language tag of at most 35 letters, digits and dashes, such as fr-FR",
        parse: forms::locale,
        default: Missing,
    });

    /// the header `User-Agent` of requests to CVS
    CVS_USER_AGENT: Text<String, InWords> = Key::own("cvs", "userAgent", Text {
        form: forms::USER_AGENT,
        parse: forms::user_agent,
        default: OUR_USER_AGENT,
    });

    /// the largest number of one-time passwords that this device makes in 24 hours, see
    /// [below](#limits-of-this-device). 0: no limit
    PASSWORDS_PER_DAY: Number<u64> = Key::own("limits", "passwordsPerDay", Number::with_default(0..=100, 0));

    /// the largest number of times that this device enrolls, in all, see
    /// [below](#limits-of-this-device). 0: no limit
    ACTIVATIONS: Number<u64> = Key::own("limits", "activations", Number::with_default(0..=1000, 0));

    /// sent to CVS: `x-introspect-realm: clientsB2CPeugeot`
    BRAND: Choice<Option<&'static str>> = Key::reference("profile", "brand", BRANDS);

    /// the name of the account
    USERNAME: Text<String, &'static str> = Key::own_at_init("account", "username", Text {
        form: "1 to 128 characters, none of them a control character",
        parse: forms::username,
        default: "local",
    });

    /// the bearer token for CVS. `set pims.authentication.token` replaces it
    ACCESS_TOKEN: Text<Zeroizing<String>> = Key::own("account", "accessToken", Text {
        form: "a token of printable ASCII characters without spaces",
        parse: forms::access_token,
        default: Missing,
    });

    /// how often the library asks the service for the topics `notices` and `approval` of a
    /// subscription, in seconds ([c-abi.md](c-abi.md#news-of-the-account)). Without such a topic it
    /// asks nothing
    ASK_SECONDS: Number<u64> = Key::own("account", "askSeconds", Number::with_default(5..=86_400, 60));

    /// the folder of the device state, the embedded authority's database and the logs
    STORAGE_PATH: Text<PathBuf, InWords> = Key::own_at_init("storage", "path", Text {
        form: "a folder",
        parse: forms::folder,
        default: InWords("the platform's data folder, then `pims`"),
    });

    /// accepts a folder that other users can change, see [below](#whose-folder-it-is)
    ALLOW_SHARED_FOLDER: Flag = Key::own_at_init("storage", "allowSharedFolder", Flag { default: false });

    /// seals the device state. On phones it comes from the Keychain or the Keystore
    STORAGE_KEY: Text<StorageKey, InWords> = Key::own_at_init("storage", "key", Text {
        form: "32 bytes in base64",
        parse: forms::storage_key,
        default: InWords("the file `storage.key` beside the state, mode 0600"),
    });

    /// where the host keeps `storage.key`. An enrollment tells the service, and the list of the
    /// account's devices shows it. It is the device's own statement, which nobody checks
    STORAGE_KEYSTORE: Choice<Option<Keystore>> = Key::own("storage", "keystore", KEYSTORES);

    /// the time limit to connect; after it: 2201
    CONNECT_TIMEOUT: Number<u64> = Key::own("network", "connectTimeoutMs", milliseconds(10_000));

    /// the time limit of the whole request; after it: 2201
    REQUEST_TIMEOUT: Number<u64> = Key::own("network", "requestTimeoutMs", milliseconds(30_000));

    /// an HTTP proxy, by CONNECT: `http://[user:password@]host[:port]`, or `https://…`. The proxy
    /// sees host and port of the service. The library uses no proxy for an `http://` service,
    /// because that is on this machine. `caFile` and `pinnedCertificates` apply to the service
    /// alone. An `https://` proxy needs a certificate that the system trusts
    PROXY: Text<String, InWords> = Key::own("network", "proxy", Text {
        form: "a URL, http://host:port or https://host:port",
        parse: forms::proxy,
        default: InWords(
            "`HTTPS_PROXY`, else `ALL_PROXY` of the environment, \
             except for the hosts in `NO_PROXY` (lower case too)",
        ),
    });

    /// in the answer of `get pims.sdk.device`
    DEVICE_OS: Text<String, InWords> = Key::own("device", "OS", detail());

    /// in the answer of `get pims.sdk.device`
    DEVICE_OS_VERSION: Text<String, InWords> = Key::own("device", "OSVersion", detail());

    /// in the answer of `get pims.sdk.device`
    DEVICE_PHONE_MODEL: Text<String, InWords> = Key::own("device", "PhoneModel", detail());

    /// in the answer of `get pims.sdk.device`
    DEVICE_PHONE_BRAND: Text<String, InWords> = Key::own("device", "PhoneBrand", detail());

    /// the embedded authority's database. Its master key is beside it, with the extension `key`.
    /// Several devices, each with its own `storage.path`, may share one database
    DATABASE: Text<PathBuf, InWords> = Key::own_at_init("embedded", "database", Text {
        form: "a file whose name is not that of a file of the storage, and does not end with .key, as that of its master key does",
        parse: forms::database,
        default: InWords("`authority.db` in `storage.path`"),
    });

    /// moves the clock of the embedded authority and of the device forward, so that a test does not
    /// wait for a code to expire
    CLOCK_OFFSET: Number<u64> =
        Key::own("embedded", "clockOffsetSeconds", Number::with_default(0..=1_000_000_000, 0));

    /// stops that clock. Then only `clockOffsetSeconds` moves it. It stops at the time of each
    /// `pims_init`. Each process has its own clock
    CLOCK_FROZEN: Flag = Key::own("embedded", "clockFrozen", Flag { default: false });

    /// the rules of the embedded authority, see [authority.md](authority.md)
    POLICY: Object = Key::own("embedded", "policy", Object { default: InWords("the defaults") });
}

impl<K: Described> Key<K> {
    /// Returns the row of the key in the table of the page.
    fn row(&self, meaning: &str) -> String {
        let mark = if self.origin == Origin::Own { "+ " } else { "" };
        let at_init = if self.change == Change::AtInit { ". *Only at `pims_init`*" } else { "" };
        let (form, default) = (self.kind.form(), self.kind.default_text());
        format!("| {mark}`{}` | {form} | {default} | {}{at_init} |", self.name, meaning.trim().trim_end_matches('.'))
    }
}

/// Returns the table of docs/configuration.md.
pub(super) fn table() -> String {
    let mut table = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for row in rows() {
        table.push_str(&row);
        table.push('\n');
    }
    table
}

//! The table of all keys of the configuration, with their kinds, defaults and meanings.
//! Documentation, `check --keys`, environment variables and the search for the nearest known key
//! come from this one table.

use std::ops::RangeInclusive;

use authority::{CodeLetters, Policy, SmsRetry};
use strsim::levenshtein;

/// The kind of value that a key holds.
pub(crate) enum Kind {
    Text,
    Number(Default, RangeInclusive<i64>),
    Flag(Flag),
    /// A list of texts, separated by commas in an environment variable.
    List,
    /// A table or a list of tables whose names the operator chooses. An environment variable holds
    /// it as TOML.
    Table,
}

/// The default of a number.
#[derive(Clone, Copy)]
pub(crate) enum Default {
    Is(i64),
    /// The default of the service's policy.
    Policy(fn(&Policy) -> i64),
    /// The default of the SMS queue.
    Retry(fn(&SmsRetry) -> i64),
    /// The default for the codes of open activations.
    Letters,
    /// No number: the documentation shows this text as the default.
    Described(&'static str),
}

impl Default {
    /// Returns the number, if it is one.
    pub(crate) fn number(self) -> Option<i64> {
        match self {
            Self::Is(number) => Some(number),
            Self::Policy(of) => Some(of(&Policy::default())),
            Self::Retry(of) => Some(of(&SmsRetry::default())),
            Self::Letters => Some(as_number(CodeLetters::default().get())),
            Self::Described(_) => None,
        }
    }
}

/// The default of a flag.
#[derive(Clone, Copy)]
pub(crate) enum Flag {
    Is(bool),
    /// The default of the service's policy.
    Policy(fn(&Policy) -> bool),
}

impl Flag {
    pub(crate) fn value(self) -> bool {
        match self {
            Self::Is(flag) => flag,
            Self::Policy(of) => of(&Policy::default()),
        }
    }
}

/// Converts a number of the policy. All its defaults fit.
fn as_number<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Permitted numbers of letters in a code of an open activation.
const CODE_LETTERS: RangeInclusive<i64> = CodeLetters::MIN.get() as i64..=CodeLetters::MAX.get() as i64;

/// A key of the configuration.
pub(crate) struct Key {
    /// `section.name`. A key without a section has the name alone, and is before all sections.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// The value is a secret. It may be given as `path_file` instead: the name of a file that holds
    /// it.
    pub(crate) secret: bool,
    /// The meaning. For texts, lists and tables it includes the default.
    help: &'static str,
}

impl Key {
    /// Returns the default, the meaning and the bounds.
    pub(crate) fn help(&self) -> String {
        let help = self.help;
        match &self.kind {
            Kind::Number(Default::Described(default), bounds) => {
                format!("{default}; {help}; {} to {}", bounds.start(), bounds.end())
            }
            Kind::Number(default, bounds) => {
                let default = default.number().unwrap_or_default();
                format!("{default}; {help}; {} to {}", bounds.start(), bounds.end())
            }
            Kind::Flag(flag) => format!("{}; {help}", flag.value()),
            Kind::Text | Kind::List | Kind::Table => help.to_owned(),
        }
    }

    /// Returns the name of the key's environment variable.
    pub(crate) fn variable(path: &str) -> String {
        format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "_"))
    }
}

/// Prefix of the environment variables.
pub(crate) const PREFIX: &str = "PIMS_AUTHORITY_";

/// Suffix of a key that names a file which holds the secret.
pub(crate) const FILE: &str = "_file";

const fn key(path: &'static str, kind: Kind, help: &'static str) -> Key {
    Key { path, kind, secret: false, help }
}

const fn number(path: &'static str, default: Default, bounds: RangeInclusive<i64>, help: &'static str) -> Key {
    key(path, Kind::Number(default, bounds), help)
}

const fn flag(path: &'static str, default: Flag, help: &'static str) -> Key {
    key(path, Kind::Flag(default), help)
}

const fn secret(path: &'static str, help: &'static str) -> Key {
    Key { path, kind: Kind::Text, secret: true, help }
}

use Kind::{List, Table, Text};

/// All keys, section by section.
pub(crate) const KEYS: &[Key] = &[
    flag(
        "development",
        Flag::Is(false),
        "true allows `tokens.static`, `sms.gateway = \"outbox\"` and `{ open = true }`, and refuses PostgreSQL, trusted proxies, an issuer, and addresses other than loopback ones; it is before all sections",
    ),
    key(
        "listen.address",
        Text,
        "where apps, devices and relying parties reach the service: address and port; required",
    ),
    key(
        "listen.certificate_file",
        Text,
        "TLS certificate chain, PEM; without it plain HTTP, on a loopback address only",
    ),
    key("listen.key_file", Text, "the certificate's private key, PEM"),
    key("listen.trusted_proxies", List, "none; addresses of the proxies whose X-Forwarded-For the service believes"),
    key("admin.address", Text, "none; address and port where operators reach the service, and Prometheus its metrics"),
    key(
        "admin.certificate_file",
        Text,
        "TLS certificate chain of the admin listener, PEM; needed on an address that is not loopback",
    ),
    key("admin.key_file", Text, "its private key, PEM"),
    key("admin.client_ca_file", Text, "none; the authority that signs the certificates which operators must show, PEM"),
    secret("admin.token", "none; the bearer token of the operator `operator`, which has all roles; 128 bits or more"),
    key(
        "admin.operators",
        Table,
        "none; named operators: `name = { token_file = \"…\", certificate = \"SHA-256 fingerprint\", roles = [\"read\", \"add\", \"unblock\", \"remove\"] }`, with a token, a certificate, or both",
    ),
    flag(
        "admin.console",
        Flag::Is(false),
        "true serves the operators' console under `/console/` of the admin listener; turn it on when all instances run a release with it",
    ),
    number(
        "admin.session_minutes",
        Default::Is(15),
        1..=60,
        "minutes after which an unused session of the console ends; a used one ends after 8 times as many",
    ),
    flag(
        "admin.four_eyes",
        Flag::Is(false),
        "true: to unblock an account or to remove a device needs a second operator in the console, and the API refuses both and the removal of accounts",
    ),
    secret("database.url", "`sqlite:path` or `postgres://user@host:port/database`; required"),
    number("database.connections", Default::Is(8), 1..=1000, "connections to PostgreSQL"),
    number("database.statement_timeout_seconds", Default::Is(10), 1..=600, "longest PostgreSQL statement"),
    flag(
        "database.named_statements",
        Flag::Is(true),
        "false gives no statement a name on PostgreSQL; true does where a connection leads to it directly, never through a pooler",
    ),
    flag(
        "files.allow_shared_folders",
        Flag::Is(false),
        "true accepts folders of the SQLite file and of the outbox to which other users can write",
    ),
    number("master_key.id", Default::Is(1), 1..=4_294_967_295, "number of the key that seals new values"),
    secret(
        "master_key.hex",
        "the key that seals new values, 64 hex digits; `master_key.hex_file` is the usual way; this, the file or a command is required",
    ),
    key(
        "master_key.command",
        List,
        "none; a program (absolute path) with its arguments that writes the key to standard output, without a shell",
    ),
    number("master_key.command_timeout_seconds", Default::Is(30), 1..=600, "longest time of each master key command"),
    key(
        "master_key.others",
        Table,
        "none; keys that still open during a rotation: `[{ id = 1, file = \"…\" }]`, or with `command = [\"…\"]`",
    ),
    number(
        "policy.pin_min_length",
        Default::Policy(|policy| as_number(policy.pin_min_length)),
        4..=8,
        "fewest digits of a newly chosen PIN",
    ),
    number(
        "policy.max_pin_tries",
        Default::Policy(|policy| policy.max_pin_tries.into()),
        1..=1_000_000,
        "wrong PINs before an account is blocked; a right PIN forgives those of its own device",
    ),
    number(
        "policy.code_digits",
        Default::Policy(|policy| as_number(policy.code_digits)),
        4..=12,
        "digits of an SMS code; with `activation.proof = \"open\"` codes have letters instead",
    ),
    number(
        "policy.code_lifetime_seconds",
        Default::Policy(|policy| as_number(policy.code_lifetime_seconds)),
        1..=31_536_000,
        "lifetime of an SMS code",
    ),
    number(
        "policy.code_tries",
        Default::Policy(|policy| policy.code_tries.into()),
        1..=1_000_000,
        "wrong tries before an SMS code is void",
    ),
    number(
        "policy.codes_per_hour",
        Default::Policy(|policy| policy.codes_per_hour.into()),
        1..=1_000_000,
        "SMS codes of an account in an hour",
    ),
    number(
        "policy.codes_per_day",
        Default::Policy(|policy| policy.codes_per_day.into()),
        1..=1_000_000,
        "SMS codes of an account in a day",
    ),
    number(
        "policy.number_cooling_seconds",
        Default::Described("86400 with a webhook, 0 with an outbox"),
        0..=2_592_000,
        "how long after a change of its phone number an account gets no codes for \
         enrollment and for a new PIN",
    ),
    number(
        "policy.max_devices",
        Default::Policy(|policy| policy.max_devices.into()),
        1..=1_000_000,
        "devices of an account",
    ),
    number(
        "policy.setup_lifetime_seconds",
        Default::Policy(|policy| as_number(policy.setup_lifetime_seconds)),
        1..=31_536_000,
        "longest time between setup and finalize",
    ),
    number(
        "policy.otp_lifetime_seconds",
        Default::Policy(|policy| as_number(policy.otp_lifetime_seconds)),
        1..=31_536_000,
        "lifetime of a one-time password",
    ),
    number(
        "policy.otps_per_device_and_day",
        Default::Described("no limit"),
        1..=1_000_000,
        "one-time passwords of a device in a day",
    ),
    flag("policy.otp_without_pin", Flag::Policy(|policy| policy.otp_without_pin), "one-time passwords without a PIN"),
    number(
        "policy.evolve_k1_every",
        Default::Policy(|policy| policy.evolve_k1_every.into()),
        0..=1_000_000,
        "after how many one-time passwords K1 evolves, 0 is never",
    ),
    number(
        "policy.refresh_token_lifetime_seconds",
        Default::Policy(|policy| as_number(policy.refresh_token_lifetime_seconds)),
        1..=31_536_000,
        "lifetime of a refresh token",
    ),
    number(
        "policy.refresh_token_most_seconds",
        Default::Policy(|policy| as_number(policy.refresh_token_most_seconds)),
        1..=315_360_000,
        "longest time that a refresh token and its successors are valid",
    ),
    key(
        "policy.clone",
        Text,
        "report; the answer to a suspected second copy of a device: `report` audits and counts it, `suspend` also stops the device until its PIN is reset with an SMS code",
    ),
    number(
        "policy.device_key_bits",
        Default::Policy(|policy| policy.device_key_bits.bits().into()),
        1024..=2048,
        "bits of the RSA keys to which devices encrypt PINs and secrets; 1024 is only for old clients",
    ),
    key(
        "activation.proof",
        Text,
        "token: `activate` needs the account's bearer token; `ticket`: it needs that or the ticket that `smsCode` answered, for CVS on another server; `open`: neither, for clients that send none",
    ),
    flag(
        "activation.by_device",
        Flag::Policy(|policy| policy.activation_by_device),
        "a device may make a code that enrolls another device of its account, without an SMS; the first one confirms the other",
    ),
    number(
        "activation.by_device_seconds",
        Default::Policy(|policy| as_number(policy.activation_by_device_seconds)),
        30..=3600,
        "lifetime of such a code, and the longest time until the confirmation",
    ),
    flag(
        "activation.approval",
        Flag::Policy(|policy| policy.activation_approval),
        "a device that activates with an SMS code works only after another device of the account has approved it, by the number that the new one shows",
    ),
    number(
        "activation.approval_seconds",
        Default::Policy(|policy| as_number(policy.activation_approval_seconds)),
        30..=3600,
        "longest time until the approval",
    ),
    number("activation.code_letters", Default::Letters, CODE_LETTERS, "letters of an SMS code if the proof is `open`"),
    flag(
        "notices.to_devices",
        Flag::Policy(|policy| policy.device_notices),
        "the service records events of each account for 30 days, and its devices ask for them",
    ),
    number(
        "pin.budget",
        Default::Policy(|policy| policy.pin_budget.into()),
        1..=1_000_000,
        "wrong PINs in the life of a PIN before the account is blocked until the PIN is reset with an SMS code",
    ),
    number(
        "pin.block_seconds",
        Default::Policy(|policy| as_number(policy.pin_block_seconds)),
        0..=86_400,
        "length of an account's first block after too many wrong PINs; then it has one try, a wrong one blocks it for twice as long, up to a day, and a wrong one after the block of a day blocks it until the PIN is reset; 0: each block lasts until the PIN is reset or an operator lifts it",
    ),
    key(
        "pin.proof",
        Text,
        "each; the requests for one-time passwords that must prove the PIN: `each`, or `at_activation` for public clients that prove it only when they activate; then a copy of such a client's state makes passwords",
    ),
    flag("pin.denied", Flag::Is(true), "refuses the commonest 200 PINs, sequences, repeats and years as new PINs"),
    number("pin.history", Default::Is(5), 0..=100, "how many earlier PINs of an account may not be chosen again"),
    key("tokens.issuer", Text, "none; the `iss` of the access tokens that apps show to CVS"),
    key("tokens.audience", Text, "the `aud` that they must have; required with an issuer"),
    key("tokens.jwks_file", Text, "the issuer's keys as a file; read again at SIGHUP"),
    key("tokens.jwks_url", Text, "the issuer's keys by https; this or the file is required with an issuer"),
    number(
        "tokens.jwks_refresh_seconds",
        Default::Is(300),
        1..=86_400,
        "how often the service fetches the issuer's keys",
    ),
    key("tokens.ca_file", Text, "the system's roots; the roots to trust for `jwks_url`, PEM"),
    key("tokens.algorithms", List, "ES256, EdDSA, RS256; algorithms that may sign tokens; never a symmetric one"),
    number("tokens.leeway_seconds", Default::Is(30), 0..=300, "how far clocks may differ"),
    key(
        "tokens.types",
        List,
        "at+jwt; accepted types of a token (`typ`): `at+jwt` (RFC 9068), and `JWT` for issuers whose access tokens have that type or none",
    ),
    key(
        "tokens.authorized_parties",
        List,
        "any; clients that a token may be issued to: its `azp` and `client_id` must be among them",
    ),
    key("tokens.scope", Text, "none; scopes that the `scope` of a token must contain, with spaces between them"),
    number(
        "tokens.max_lifetime_seconds",
        Default::Is(86_400),
        60..=31_536_000,
        "longest time from a token's `iat` to its `exp`",
    ),
    number(
        "tokens.max_auth_age_seconds",
        Default::Described("no limit"),
        1..=31_536_000,
        "longest time since the login (`auth_time`) for changes of the phone number and of devices, and the removal of enrollments",
    ),
    key(
        "tokens.acr",
        List,
        "any; classes of the login (`acr`); changes of the phone number and of devices, and the removal of enrollments need one of them",
    ),
    key(
        "tokens.static",
        Table,
        "none; with `development = true` alone: `account = \"token\"`, tokens of 16 characters or more",
    ),
    key(
        "access_tokens.issuer",
        Text,
        "none, and no exchange of one-time passwords; the `iss` of the access tokens that the service issues for them",
    ),
    key("access_tokens.audience", Text, "the `aud` of these tokens; required with an issuer"),
    number("access_tokens.lifetime_seconds", Default::Is(300), 10..=86_400, "their lifetime"),
    key("access_tokens.algorithm", Text, "EdDSA; or ES256"),
    number(
        "access_tokens.key_generation",
        Default::Is(1),
        1..=100_000,
        "one more makes a new signing key; the keys before and after are published beside it",
    ),
    key("sms.gateway", Text, "`webhook`, or `outbox` with `development = true`; required"),
    key("sms.outbox_file", Text, "the file of JSON lines, for development"),
    key("sms.webhook_url", Text, "the URL that gets a POST for each SMS; https, or http on a loopback address"),
    key(
        "sms.webhook_template",
        Text,
        "the JSON body of that POST; {to}, {text}, {code}, {purpose} and {id} in its texts are replaced",
    ),
    number("sms.webhook_timeout_seconds", Default::Is(10), 1..=30, "longest time until the gateway answers"),
    key("sms.webhook_headers", Table, "none; headers: `Name = \"value\"` or `Name = { file = \"…\" }`"),
    key("sms.webhook_ca_file", Text, "the system's roots; the roots to trust for `webhook_url`, PEM"),
    key(
        "sms.countries",
        List,
        "required with a webhook, any with an outbox; the countries of SMS: `+33`, `!+33` to exclude one, `any`; the longest \
         prefix decides, and numbers of no country (satellites, premium rates) must be named",
    ),
    key(
        "sms.default_country",
        Text,
        "none; country of numbers without a country code: `FR`, or its calling code `+33`; without it the service accepts such numbers only with `any`",
    ),
    key(
        "sms.notices",
        List,
        "all with a webhook that gets {text}, none with an outbox; events that the service tells users about: newDevice, reset, \
         pinChange, block, phoneNumber",
    ),
    key("sms.service_name", Text, "PIMS; name of the service in the texts, up to 30 characters"),
    key("sms.origin", Text, "none; host of the website to which codes are bound: their texts end with `@host #code`"),
    key("sms.language", Text, "en; language of accounts whose app named none that has texts: en, fr, de, or your own"),
    key(
        "sms.texts",
        Table,
        "texts by language: `[sms.texts.fr]` with certification, enrollment, reset, new_device, pin_reset, pin_change, \
         block, phone_number; {service}, {code} and {minutes} are replaced",
    ),
    number(
        "sms.retry_attempts",
        Default::Retry(|retry| retry.attempts.into()),
        1..=100,
        "how often an SMS is tried; 1 is once, without a queue",
    ),
    number(
        "sms.retry_first_delay_seconds",
        Default::Retry(|retry| as_number(retry.first_delay.as_secs())),
        1..=3600,
        "pause after the first try; each following one is twice as long",
    ),
    number("sms.retry_max_queue", Default::Retry(|retry| retry.max_queue.into()), 1..=10_000_000, "SMS that may wait"),
    number("limits.body_bytes", Default::Is(16 * 1024), 1024..=1_048_576, "longest body"),
    number("limits.header_bytes", Default::Is(32 * 1024), 8192..=1_048_576, "longest request head, query included"),
    number("limits.query_bytes", Default::Is(16 * 1024), 1024..=1_048_576, "longest query"),
    number(
        "limits.header_timeout_seconds",
        Default::Is(10),
        1..=300,
        "longest time until a request's head, or a TLS handshake, is complete",
    ),
    number("limits.request_timeout_seconds", Default::Is(45), 1..=300, "longest time until a request is answered"),
    number("limits.connections", Default::Is(2048), 1..=1_000_000, "connections at once, at each listener"),
    number(
        "limits.connections_per_address",
        Default::Is(256),
        1..=1_000_000,
        "connections of an address at once, at each listener; those of trusted proxies are not counted",
    ),
    number(
        "limits.write_timeout_seconds",
        Default::Is(10),
        1..=300,
        "longest time without progress while the service writes a response",
    ),
    number(
        "limits.steps",
        Default::Is(16),
        1..=1000,
        "requests that use the database at once; as many more may request an SMS",
    ),
    number(
        "limits.address_per_minute",
        Default::Is(600),
        1..=10_000_000,
        "requests of an address, except those of relying parties with a token",
    ),
    number(
        "limits.account_per_minute",
        Default::Is(60),
        1..=10_000_000,
        "CVS, token and exchange requests of an account that show its token",
    ),
    number(
        "limits.wrong_codes_per_address_and_minute",
        Default::Is(6),
        1..=10_000_000,
        "wrong codes of an address if activations are open",
    ),
    number("limits.wrong_codes_per_minute", Default::Is(60), 1..=10_000_000, "the same of all addresses together"),
    number(
        "limits.wrong_otps_per_account_and_minute",
        Default::Is(10),
        1..=10_000_000,
        "wrong one-time passwords for an account, at each relying party and in its app",
    ),
    number(
        "limits.wrong_otps_per_address_and_minute",
        Default::Is(60),
        1..=10_000_000,
        "wrong one-time passwords of an address at open relying parties",
    ),
    number(
        "limits.refused_finalize_per_address_and_minute",
        Default::Is(60),
        1..=10_000_000,
        "finalize steps of an address that were refused after their RSA blocks were opened",
    ),
    number(
        "limits.party_per_minute",
        Default::Is(6000),
        1..=10_000_000,
        "requests of a relying party that has a token",
    ),
    number(
        "limits.codes_per_number_and_hour",
        Default::Is(10),
        1..=10_000_000,
        "SMS codes that certify the same phone number, of all accounts together",
    ),
    number("limits.sms_per_minute", Default::Is(60), 1..=10_000_000, "SMS of all accounts and instances in a minute"),
    number(
        "limits.sms_per_day",
        Default::Is(2000),
        1..=10_000_000,
        "SMS of all accounts and instances in a day of UTC",
    ),
    number(
        "limits.sms_per_prefix_and_hour",
        Default::Is(500),
        1..=10_000_000,
        "SMS of all accounts and instances in an hour to one calling code; of +1, to one area code",
    ),
    number(
        "limits.sms_kept_percent",
        Default::Is(50),
        0..=100,
        "per cent of these three budgets that requests to certify a number cannot use up",
    ),
    number(
        "limits.new_account_seconds",
        Default::Is(0),
        0..=604_800,
        "age before which a new account cannot certify a number",
    ),
    number(
        "limits.unknown_operators_per_minute",
        Default::Is(10),
        1..=10_000_000,
        "requests to operators' routes without a right token or certificate, of an address and of all; each further one waits a second",
    ),
    number(
        "limits.drain_seconds",
        Default::Is(20),
        0..=300,
        "how long requests in progress may take when the service ends",
    ),
    key(
        "relying_parties.services",
        Table,
        "none; relying parties that may use `/FS`: `serviceId = { token_file = \"…\" }`, or `{ open = true }` without a token, with `development = true` alone",
    ),
    number(
        "housekeeping.keep_days",
        Default::Is(400),
        0..=36_500,
        "age at which lines of the audit trail and ids of removed devices are removed; 0 is never",
    ),
    key(
        "process.lock_memory",
        Text,
        "try; `try` keeps memory out of swap, and warns if it cannot; `required` ends then; or `no`",
    ),
    key("log.level", Text, "info; or error, warn, debug"),
    key("log.format", Text, "text; or json"),
];

/// Returns the key of this path. A path with the suffix of a file returns the key of the secret.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    let of_file = path.strip_suffix(FILE);
    KEYS.iter().find(|key| key.path == path || (key.secret && of_file == Some(key.path)))
}

/// Returns the known path that is spelled most like this one.
pub(crate) fn nearest(path: &str) -> &'static str {
    let distance = |key: &&Key| {
        levenshtein(key.path, path).min(levenshtein(key.path.rsplit('.').next().unwrap_or_default(), path))
    };
    KEYS.iter().min_by_key(distance).map_or("", |key| key.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_once_and_variables_do_not_collide() {
        let mut variables: Vec<String> = KEYS.iter().map(|key| Key::variable(key.path)).collect();
        let count = variables.len();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), count);
    }

    #[test]
    fn each_number_and_flag_that_is_read_is_in_the_table_with_a_default() {
        let sources = [
            include_str!("guesses.rs"),
            include_str!("mod.rs"),
            include_str!("operators.rs"),
            include_str!("sections.rs"),
            include_str!("sms_rules.rs"),
            include_str!("static_tokens.rs"),
            include_str!("tokens.rs"),
        ];
        let mut seen = 0;
        for (function, rest) in sources.iter().flat_map(|source| {
            let calls = ["reader.number(\"", "reader.seconds(\"", "reader.flag(\"", "reader.optional_number(\""];
            calls.into_iter().flat_map(|call| source.split(call).skip(1).map(move |rest| (call, rest)))
        }) {
            let path = rest.split('"').next().unwrap_or_default();
            let kind = find(path).map(|key| &key.kind);
            let fits = match (function, kind) {
                ("reader.flag(\"", Some(Kind::Flag(_))) | ("reader.optional_number(\"", Some(Kind::Number(..))) => true,
                (_, Some(Kind::Number(default, bounds))) => {
                    default.number().is_some_and(|number| bounds.contains(&number))
                }
                _ => false,
            };
            assert!(fits, "{function}{path}");
            seen += 1;
        }
        assert!(seen > 40, "{seen}");
    }

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        assert_eq!(nearest("listen.adress"), "listen.address");
        assert_eq!(nearest("policy.max_pin_trys"), "policy.max_pin_tries");
        assert_eq!(nearest("database.uri"), "database.url");
        assert_eq!(nearest("otp_without_pin"), "policy.otp_without_pin");
        assert_eq!(levenshtein("kitten", "sitting"), 3);
    }

    #[test]
    fn a_file_is_named_for_secrets_alone() {
        assert_eq!(find("admin.token_file").map(|key| key.path), Some("admin.token"));
        assert!(find("listen.address_file").is_none());
        assert!(find("listen.certificate_file").is_some());
    }
}

//! Every key of the configuration: what it is called, what it holds, what it means. Documentation, `check --keys`, environment variables
//! and the search for the nearest known key come from this one table.

use strsim::levenshtein;

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Flag,
    /// A list of texts; in the environment separated by commas.
    List,
    /// A table or a list of tables with names of the operator's choice; in the environment as TOML.
    Table,
}

/// One key.
pub(crate) struct Key {
    /// `section.name`; the name alone of a key of no section, which stands before all sections.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// A secret: it may be given as `path_file` instead, the name of a file that holds it.
    pub(crate) secret: bool,
    /// The default and the meaning.
    pub(crate) help: &'static str,
}

impl Key {
    /// The environment variable that says the same.
    pub(crate) fn variable(path: &str) -> String {
        format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "_"))
    }
}

/// How the environment variables begin.
pub(crate) const PREFIX: &str = "PIMS_AUTHORITY_";

/// What ends the name of a key that names a file with a secret in it.
pub(crate) const FILE: &str = "_file";

const fn key(path: &'static str, kind: Kind, help: &'static str) -> Key {
    Key { path, kind, secret: false, help }
}

const fn secret(path: &'static str, help: &'static str) -> Key {
    Key { path, kind: Kind::Text, secret: true, help }
}

use Kind::{Flag, List, Number, Table, Text};

/// All of them, section by section.
pub(crate) const KEYS: &[Key] = &[
    key(
        "development",
        Flag,
        "false; true allows `tokens.static`, `sms.gateway = \"outbox\"` and `{ open = true }`, and refuses PostgreSQL, trusted proxies, an issuer and other than loopback addresses; stands before all sections",
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
    key("listen.trusted_proxies", List, "none; addresses of proxies whose X-Forwarded-For is believed"),
    key("admin.address", Text, "none; where operators reach the service and metrics are: address and port"),
    key(
        "admin.certificate_file",
        Text,
        "TLS certificate chain of the admin listener, PEM; needed on other than loopback addresses",
    ),
    key("admin.key_file", Text, "its private key, PEM"),
    key("admin.client_ca_file", Text, "none; who signs the certificates that operators must show, PEM"),
    secret("admin.token", "none; the bearer token of the operator `operator`, who has all roles; 128 bits or more"),
    key(
        "admin.operators",
        Table,
        "none; named operators: `name = { token_file = \"…\", certificate = \"SHA-256 fingerprint\", roles = [\"read\", \"add\", \"unblock\", \"remove\"] }`, with a token, a certificate, or both",
    ),
    secret("database.url", "`sqlite:path` or `postgres://user@host:port/database`; required"),
    key("database.connections", Number, "8; connections to PostgreSQL"),
    key("database.statement_timeout_seconds", Number, "10; longest PostgreSQL statement"),
    key(
        "files.allow_shared_folders",
        Flag,
        "false; whether others may be able to write to the folders of the SQLite file and of the outbox",
    ),
    key("master_key.id", Number, "1; number of the key that seals"),
    secret(
        "master_key.hex",
        "the key that seals, 64 hex digits; `master_key.hex_file` is the usual way; this, the file or a command is required",
    ),
    key(
        "master_key.command",
        List,
        "none; a program (absolute path) with its arguments that writes the key to standard output, without a shell",
    ),
    key("master_key.command_timeout_seconds", Number, "30; longest time of each such command"),
    key(
        "master_key.others",
        Table,
        "none; keys that still open during a rotation: `[{ id = 1, file = \"…\" }]`, or with `command = [\"…\"]`",
    ),
    key("policy.pin_min_length", Number, "4; fewest digits of a newly chosen PIN, 4 to 8"),
    key(
        "policy.max_pin_tries",
        Number,
        "5; wrong PINs before an account is blocked; a right PIN forgives those of its own device",
    ),
    key(
        "policy.code_digits",
        Number,
        "6; digits of an SMS code, 4 to 12; with `activation.proof = \"open\"` codes have letters instead",
    ),
    key("policy.code_lifetime_seconds", Number, "600; lifetime of an SMS code"),
    key("policy.code_tries", Number, "5; wrong tries before an SMS code is dead"),
    key("policy.codes_per_hour", Number, "5; SMS codes of an account in an hour"),
    key("policy.codes_per_day", Number, "20; SMS codes of an account in a day"),
    key(
        "policy.number_cooling_seconds",
        Number,
        "86400 with a webhook, 0 with an outbox; how long after a change of its phone number an account gets no codes for \
         enrollment and for a new PIN",
    ),
    key("policy.max_devices", Number, "20; devices of an account"),
    key("policy.setup_lifetime_seconds", Number, "300; longest time between setup and finalize"),
    key("policy.otp_lifetime_seconds", Number, "120; lifetime of a one-time password"),
    key("policy.otps_per_device_and_day", Number, "no limit; one-time passwords of a device in a day"),
    key("policy.otp_without_pin", Flag, "false; one-time passwords without a PIN"),
    key("policy.evolve_k1_every", Number, "16; after how many one-time passwords K1 evolves, 0 is never"),
    key("policy.refresh_token_lifetime_seconds", Number, "2592000; lifetime of a refresh token"),
    key(
        "policy.refresh_token_most_seconds",
        Number,
        "7776000; longest time that a refresh token and those that follow it are good",
    ),
    key(
        "policy.clone",
        Text,
        "report; what follows where a second copy of a device is suspected: `report` audits and counts it, `suspend` stops the device until its PIN is reset with an SMS code, too",
    ),
    key(
        "policy.device_key_bits",
        Number,
        "2048; bits of the RSA keys that devices encrypt PINs and secrets to; 1024 is for old clients alone",
    ),
    key(
        "activation.proof",
        Text,
        "token: `activate` needs the account's bearer token; `ticket`: it needs that or the ticket that `smsCode` answered, for CVS on another server; `open`: neither, for clients that send none",
    ),
    key("activation.code_letters", Number, "10; letters of an SMS code where the proof is `open`, 10 to 12"),
    key(
        "pin.budget",
        Number,
        "30; wrong PINs in the life of a PIN before the account is blocked until the PIN is reset with an SMS code",
    ),
    key("pin.denied", Flag, "true; refuses the commonest 200 PINs, sequences, repeats and years as new PINs"),
    key("pin.history", Number, "5; how many earlier PINs of an account may not be chosen again, 0 to 100"),
    key("tokens.issuer", Text, "none; the `iss` of the access tokens that apps show to CVS"),
    key("tokens.audience", Text, "the `aud` that they must have; required with an issuer"),
    key("tokens.jwks_file", Text, "the issuer's keys as a file; read again at SIGHUP"),
    key("tokens.jwks_url", Text, "the issuer's keys by https; this or the file is required with an issuer"),
    key("tokens.jwks_refresh_seconds", Number, "300; how often they are fetched"),
    key("tokens.ca_file", Text, "the system's roots; whom to trust for `jwks_url`, PEM"),
    key("tokens.algorithms", List, "ES256, EdDSA, RS256; what may sign them; never a symmetric one"),
    key("tokens.leeway_seconds", Number, "30; how far clocks may differ"),
    key(
        "tokens.types",
        List,
        "at+jwt; what a token may say that it is (`typ`): `at+jwt` (RFC 9068), and `JWT` for issuers whose access tokens say that or nothing",
    ),
    key(
        "tokens.authorized_parties",
        List,
        "any; clients that a token may be issued to: its `azp` and `client_id` must be among them",
    ),
    key("tokens.scope", Text, "none; what the `scope` of a token must contain; several with spaces between them"),
    key("tokens.max_lifetime_seconds", Number, "86400; longest time from a token's `iat` to its `exp`"),
    key(
        "tokens.max_auth_age_seconds",
        Number,
        "no limit; longest time since the login (`auth_time`) for changes of the phone number and the removal of enrollments",
    ),
    key(
        "tokens.acr",
        List,
        "any; classes of the login (`acr`), one of which changes of the phone number and the removal of enrollments need",
    ),
    key(
        "tokens.static",
        Table,
        "none; with `development = true` alone: `account = \"token\"`, tokens of 16 characters or more",
    ),
    key(
        "access_tokens.issuer",
        Text,
        "none: one-time passwords are not exchanged; the `iss` of the tokens that they are exchanged for",
    ),
    key("access_tokens.audience", Text, "their `aud`; required with an issuer"),
    key("access_tokens.lifetime_seconds", Number, "300; their lifetime"),
    key("access_tokens.algorithm", Text, "EdDSA; or ES256"),
    key(
        "access_tokens.key_generation",
        Number,
        "1; one more makes a new signing key; the keys before and after are published beside it",
    ),
    key("sms.gateway", Text, "`webhook`, or `outbox` with `development = true`; required"),
    key("sms.outbox_file", Text, "the file of JSON lines, for development"),
    key("sms.webhook_url", Text, "the URL that gets a POST for each SMS; https, or http on a loopback address"),
    key(
        "sms.webhook_template",
        Text,
        "its JSON body; {to}, {text}, {code}, {purpose} and {id} in its texts are replaced",
    ),
    key("sms.webhook_timeout_seconds", Number, "10; longest time until it answers, 1 to 30"),
    key("sms.webhook_headers", Table, "none; headers: `Name = \"value\"` or `Name = { file = \"…\" }`"),
    key("sms.webhook_ca_file", Text, "the system's roots; whom to trust for `webhook_url`, PEM"),
    key(
        "sms.countries",
        List,
        "required with a webhook, any with an outbox; where SMS may go: `+33`, `!+33` for where not, `any`; the longest \
         prefix decides, and numbers of no country (satellites, premium rates) must be named",
    ),
    key(
        "sms.default_country",
        Text,
        "none; country of numbers that name none: `FR`, or its calling code `+33`; without it only `any` takes those",
    ),
    key(
        "sms.notices",
        List,
        "all with a webhook that gets {text}, none with an outbox; events that people are told of: newDevice, reset, \
         pinChange, block, phoneNumber",
    ),
    key("sms.service_name", Text, "PIMS; what the texts call the service, up to 30 characters"),
    key("sms.origin", Text, "none; host of the website that codes are bound to: their texts end with `@host #code`"),
    key("sms.language", Text, "en; language of accounts whose app never named one with texts: en, fr, de, or your own"),
    key(
        "sms.texts",
        Table,
        "texts by language: `[sms.texts.fr]` with certification, enrollment, reset, new_device, pin_reset, pin_change, \
         block, phone_number; {service}, {code} and {minutes} are replaced",
    ),
    key("sms.retry_attempts", Number, "5; how often an SMS is tried; 1 is once, without a queue"),
    key("sms.retry_first_delay_seconds", Number, "5; pause after the first try; each following one is twice as long"),
    key("sms.retry_max_queue", Number, "10000; SMS that may wait"),
    key("limits.body_bytes", Number, "16384; longest body"),
    key("limits.header_bytes", Number, "32768; longest request head, query included"),
    key("limits.query_bytes", Number, "16384; longest query"),
    key(
        "limits.header_timeout_seconds",
        Number,
        "10; longest time until a request's head, or a TLS handshake, is there",
    ),
    key("limits.request_timeout_seconds", Number, "45; longest time until a request is answered"),
    key("limits.connections", Number, "2048; connections at once, each listener"),
    key(
        "limits.connections_per_address",
        Number,
        "256; connections of an address at once, each listener; trusted proxies are not counted",
    ),
    key("limits.write_timeout_seconds", Number, "10; longest time that an answer makes no way to who asked"),
    key("limits.steps", Number, "16; requests that work in the database at once; as many more may ask for an SMS"),
    key(
        "limits.address_per_minute",
        Number,
        "600; requests of an address, those of relying parties with a token aside",
    ),
    key("limits.account_per_minute", Number, "60; CVS, token and exchange requests of an account that show its token"),
    key("limits.wrong_codes_per_address_and_minute", Number, "6; wrong codes of an address where activations are open"),
    key("limits.wrong_codes_per_minute", Number, "60; the same of all addresses together"),
    key(
        "limits.wrong_otps_per_account_and_minute",
        Number,
        "10; wrong one-time passwords for an account, at each relying party and in its app",
    ),
    key(
        "limits.wrong_otps_per_address_and_minute",
        Number,
        "60; wrong one-time passwords of an address at open relying parties",
    ),
    key(
        "limits.refused_finalize_per_address_and_minute",
        Number,
        "60; finalize steps of an address that were refused after their RSA blocks were opened",
    ),
    key("limits.party_per_minute", Number, "6000; requests of a relying party that has a token"),
    key(
        "limits.codes_per_number_and_hour",
        Number,
        "10; SMS codes to a phone number that is to become an account's, of all accounts together",
    ),
    key("limits.sms_per_minute", Number, "60; SMS of all accounts and instances in a minute"),
    key("limits.sms_per_day", Number, "2000; SMS of all accounts and instances in a day of UTC"),
    key(
        "limits.sms_per_prefix_and_hour",
        Number,
        "500; SMS of all accounts and instances in an hour to one calling code; of +1, to one area code",
    ),
    key(
        "limits.sms_kept_percent",
        Number,
        "50; per cent of these three that numbers which are to be certified cannot use up, 0 to 100",
    ),
    key("limits.new_account_seconds", Number, "0; age before which a new account has no number certified"),
    key(
        "limits.unknown_operators_per_minute",
        Number,
        "10; requests to operators' routes without a right token or certificate, of an address and of all; each further one waits a second",
    ),
    key("limits.drain_seconds", Number, "20; how long requests under way may take when the service ends"),
    key(
        "relying_parties.services",
        Table,
        "none; who may ask `/FS`: `serviceId = { token_file = \"…\" }`, or `{ open = true }` without a token, with `development = true` alone",
    ),
    key(
        "housekeeping.keep_days",
        Number,
        "400; age at which lines of the audit trail and ids of removed devices are removed; 0 is never",
    ),
    key(
        "process.lock_memory",
        Text,
        "try; keeps memory out of swap, and warns where it cannot; `required` does not start then; or no",
    ),
    key("log.level", Text, "info; or error, warn, debug"),
    key("log.format", Text, "text; or json"),
];

/// The key of this path, or the one whose secret this path names a file of.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    let of_file = path.strip_suffix(FILE);
    KEYS.iter().find(|key| key.path == path || (key.secret && of_file == Some(key.path)))
}

/// The known path that is spelled most like this one.
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

//! The operators' listener: its address and TLS, the operators, and their console.

use std::path::Path;
use std::time::{Duration, SystemTime};

use inwebo::values::hex;

use super::endpoints::tls;
use super::reader::Reader;
use super::secret::WEAK;
use super::source::Value;
use super::{Admin, Operator, OperatorsConsole, Role, Secret};

const KEY: &str = "admin.operators";

/// Name of the operator whose token is `admin.token`.
const DEFAULT_OPERATOR: &str = "operator";

pub(super) fn admin(reader: &mut Reader) -> Option<Admin> {
    let address = reader.address("admin.address");
    let mut tls = tls(reader, "admin", address);
    let mut operators = Vec::new();
    if let Some(token) = reader.secret("admin.token") {
        if !token.is_strong() {
            reader.problem("admin.token", WEAK);
        }
        let roles = Role::ALL.to_vec();
        let token_changed = reader.path("admin.token_file").and_then(|file| changed_at(&file));
        let name = DEFAULT_OPERATOR.to_owned();
        operators.push(Operator { name, token: Some(token), token_changed, certificate: None, roles });
    }
    let client_ca = reader.path("admin.client_ca_file");
    if let Some(file) = &client_ca {
        reader.check_readable("admin.client_ca_file", file);
        match &mut tls {
            Some(tls) => tls.client_ca = Some(file.clone()),
            None => reader.problem("admin.client_ca_file", "needs TLS: give admin.certificate_file and admin.key_file"),
        }
    }
    for (name, value) in reader.table(KEY) {
        if let Some(operator) = operator(reader, name, value) {
            check(reader, &operators, &operator, client_ca.is_some());
            operators.push(operator);
        }
    }
    if address.is_some() && operators.is_empty() && client_ca.is_none() && !reader.has(KEY) {
        reader.problem(
            "admin.address",
            "operators must be identified: give admin.token_file, admin.operators or admin.client_ca_file",
        );
    }
    let console = console(reader);
    let four_eyes = reader.flag("admin.four_eyes");
    if four_eyes && console.is_none() {
        reader.problem("admin.four_eyes", "needs admin.console = true: the second operator approves there");
    }
    Some(Admin { address: address?, tls, operators, console, four_eyes })
}

fn console(reader: &mut Reader) -> Option<OperatorsConsole> {
    let minutes: u64 = reader.number("admin.session_minutes");
    let is_on = reader.flag("admin.console");
    if is_on && !reader.has("admin.address") {
        reader.problem("admin.console", "needs admin.address: the console is on the listener of the operators");
    }
    is_on.then(|| OperatorsConsole { session_idle: Duration::from_secs(60 * minutes) })
}

/// Returns the warnings about four eyes: a role that fewer than two operators have, and one person
/// that is two operators.
pub(crate) fn four_eyes_warnings(admin: &Admin) -> Vec<String> {
    if !admin.four_eyes {
        return Vec::new();
    }
    if admin.operators.is_empty() {
        let warning = "admin.four_eyes: without admin.operators each certificate is an operator, so a person with two \
                       valid certificates, such as a renewed one, approves its own proposals";
        return vec![warning.to_owned()];
    }
    let with = |role: Role| admin.operators.iter().filter(|operator| operator.roles.contains(&role)).count();
    let too_few = [Role::Unblock, Role::Remove].into_iter().filter(|role| with(*role) < 2);
    let too_few = too_few.map(|role| {
        let role = role.as_str();
        format!(
            "admin.four_eyes: fewer than two operators have the role {role}, so none can approve the other's proposal"
        )
    });
    let pairs = admin.operators.iter().flat_map(|one| admin.operators.iter().map(move |other| (one, other)));
    let double = pairs.filter(|(one, other)| one.name != other.name && can_be(one, other)).map(|(one, other)| {
        format!(
            "admin.four_eyes: `{}` can sign in as `{}` as well, and then approve its own proposals",
            one.name, other.name
        )
    });
    too_few.chain(double).collect()
}

/// Returns whether the token and the certificate of an operator are enough to be the other one.
fn can_be(one: &Operator, other: &Operator) -> bool {
    let token =
        |operator: &Operator| operator.token.as_ref().map(|token| zeroize::Zeroizing::new(token.reveal().to_owned()));
    (other.token.is_none() || token(other) == token(one))
        && (other.certificate.is_none() || other.certificate == one.certificate)
}

fn operator(reader: &mut Reader, name: String, value: Value) -> Option<Operator> {
    let Value::Table(entry) = value else {
        reader.problem(KEY, format!("`{name}` must be {{ token_file = \"…\", roles = [\"read\"] }}"));
        return None;
    };
    let (mut token, mut token_changed, mut certificate, mut roles) = (None, None, None, None);
    let mut good = true;
    for (word, value) in entry {
        let read = match (word.as_str(), value) {
            ("token", Value::Text(text)) => {
                reader.check_secret_in_file(KEY);
                token = Some(Secret::new(text));
                true
            }
            ("token_file", Value::Text(file)) => {
                token = reader.secret_from_file(KEY, file.as_str().as_ref());
                token_changed = changed_at(&reader.folder().join(file.as_str()));
                // The fault of the file was reported already.
                token.is_some() || return None
            }
            ("certificate", Value::Text(text)) => {
                certificate = fingerprint(&text);
                certificate.is_some()
            }
            ("roles", Value::List(words)) => {
                roles = words.iter().map(role).collect::<Option<Vec<Role>>>();
                roles.is_some()
            }
            _ => false,
        };
        good &= read;
    }
    let roles = roles.filter(|roles| !roles.is_empty());
    match (good && (token.is_some() || certificate.is_some()), roles) {
        (true, Some(roles)) => Some(Operator { name, token, token_changed, certificate, roles }),
        _ => {
            let message = format!(
                "`{name}` must have `token_file` or `certificate` (the SHA-256 fingerprint, 64 hex digits), or both, and \
                 `roles`, some of read, add, unblock, remove"
            );
            reader.problem(KEY, message);
            None
        }
    }
}

/// Returns the time of the last change of a file.
fn changed_at(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

/// Reports faults of an operator, alone and compared with the operators before it.
fn check(reader: &mut Reader, others: &[Operator], operator: &Operator, asks_for_certificates: bool) {
    let name = &operator.name;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if !(1..=64).contains(&name.len()) || !name.chars().all(fits) {
        reader.problem(KEY, format!("`{name}`: a name has 1 to 64 letters, digits, dots, dashes, underscores or @"));
    }
    if others.iter().any(|other| other.name == *name) {
        reader.problem(KEY, format!("`{name}` is the operator of admin.token already"));
    }
    if operator.token.as_ref().is_some_and(|token| !token.is_strong()) {
        reader.problem(KEY, format!("the token of `{name}` {WEAK}"));
    }
    if operator.certificate.is_some() && !asks_for_certificates {
        reader.problem(
            KEY,
            format!(
                "`{name}` has a certificate: give admin.client_ca_file, so that the listener asks for certificates"
            ),
        );
    }
    let token = |one: &Operator| one.token.as_ref().map(|token| token.reveal().to_owned()).map(zeroize::Zeroizing::new);
    if others.iter().any(|other| other.certificate == operator.certificate && token(other) == token(operator)) {
        reader.problem(KEY, format!("`{name}` has the same token and certificate as another operator"));
    }
}

fn role(value: &Value) -> Option<Role> {
    let Value::Text(word) = value else { return None };
    Role::ALL.into_iter().find(|role| role.as_str() == word.as_str())
}

/// Reads a SHA-256 fingerprint, with or without colons.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    hex::decode_array::<32>(&text.replace(':', "").to_ascii_lowercase())
}

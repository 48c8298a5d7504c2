//! The key `development`: the settings that only development may have, and those that it must not
//! have.
//!
//! An address does not distinguish the two: behind a proxy, a service in production also listens on
//! a loopback address.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::reader::Reader;
use super::{Address, Admin, Listen, RelyingParty, Sms, Stage, Tokens};

const KEY: &str = "development";

/// Reads the purpose of the service.
pub(super) fn stage(reader: &Reader) -> Stage {
    if reader.flag(KEY) { Stage::Development } else { Stage::Production }
}

/// Reports the settings that production must not have.
pub(super) fn refuse_development(
    reader: &mut Reader,
    tokens: &Tokens,
    sms: Option<&Sms>,
    parties: &BTreeMap<String, RelyingParty>,
) {
    const WHY: &str = "is for development: it needs `development = true`";
    if !tokens.static_tokens.is_empty() {
        reader.problem("tokens.static", WHY);
    }
    if matches!(sms, Some(Sms::Outbox(..))) {
        reader.problem("sms.gateway", format!("`outbox` {WHY}"));
    }
    for (service, _) in parties.iter().filter(|(_, party)| party.token.is_none()) {
        reader.problem("relying_parties.services", format!("`{service}` = {{ open = true }} {WHY}"));
    }
}

/// Reports the settings that development must not have.
pub(super) fn refuse_production(
    reader: &mut Reader,
    listen: Option<&Listen>,
    admin: Option<&Admin>,
    database: Option<&Address>,
    tokens: &Tokens,
) {
    const WHY: &str = "is for production: it does not go with `development = true`";
    let is_elsewhere = |address: SocketAddr| !address.ip().to_canonical().is_loopback();
    if listen.is_some_and(|listen| is_elsewhere(listen.address)) {
        reader.problem("listen.address", format!("an address other than a loopback address {WHY}"));
    }
    if admin.is_some_and(|admin| is_elsewhere(admin.address)) {
        reader.problem("admin.address", format!("an address other than a loopback address {WHY}"));
    }
    if listen.is_some_and(|listen| !listen.trusted_proxies.is_empty()) {
        reader.problem("listen.trusted_proxies", WHY);
    }
    if matches!(database, Some(Address::Postgres { .. })) {
        // The URL may come from a file.
        let key = if reader.has("database.url") { "database.url" } else { "database.url_file" };
        reader.problem(key, format!("PostgreSQL {WHY}"));
    }
    if tokens.issuer.is_some() {
        reader.problem("tokens.issuer", WHY);
    }
}

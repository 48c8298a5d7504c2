//! The service's own RSA keys: made once, at their first use, and kept sealed in the database.
//!
//! The factory key never changes, because devices remember it. Under it there is a pair of keys for
//! each size that was ever needed. A setting says which size is announced. A block that was
//! encrypted to a key of the other size is still opened: an operation may have begun before the
//! setting changed, or at an instance on which it has not changed yet. No device keeps these keys
//! beyond an operation.

use std::sync::{Arc, Mutex, PoisonError};

use inwebo::values::hex;

use crate::domain::policy::KeySize;
use crate::domain::rows::ServiceKeyRow;
use crate::failure::Failure;
use crate::key_times;
use crate::rsa::PrivateKey;
use crate::sealing::{Binding, Sealer};
use crate::step::{Context, Step};
use crate::storage::{Transaction, transact};

/// The size of the factory key. The protocol fixes it.
const FACTORY_BITS: u32 = 1024;

const FACTORY: &str = "factory";
const COLUMN: &str = "service_keys.primes";

/// Returns the names of the rows of the device key and the service key of a size.
fn row_names(size: KeySize) -> [&'static str; 2] {
    match size {
        KeySize::Bits1024 => ["device-1024", "service-1024"],
        KeySize::Bits2048 => ["device", "service"],
    }
}

/// The keys of one size, and the texts that announce them to devices.
pub(crate) struct ServiceKeys {
    /// `Kfact`: the factory modulus in hex.
    pub(crate) factory_announced: String,
    /// The key that `kma` and PINs are encrypted to.
    pub(crate) device: PrivateKey,
    /// `Kiw`.
    pub(crate) device_announced: String,
    /// The key that service secrets are encrypted to.
    pub(crate) service: PrivateKey,
    /// `ms_key`.
    pub(crate) service_announced: String,
}

/// A cache of the keys. Keys enter it at their first use.
#[derive(Default)]
pub(crate) struct KeyCache(Mutex<CachedKeys>);

/// The keys by size.
type CachedKeys = [Option<Arc<ServiceKeys>>; KeySize::ALL.len()];

impl KeyCache {
    /// Returns the keys of a size: from the cache, from the database, or newly made.
    pub(crate) fn get(&self, ctx: &Context<'_>, size: KeySize) -> Result<Arc<ServiceKeys>, Failure> {
        // Making keys takes a while. While one thread makes them, the others wait for the same
        // keys.
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = &cached[size as usize] {
            return Ok(keys.clone());
        }
        let keys = Arc::new(load_or_make(ctx, size)?);
        cached[size as usize] = Some(keys.clone());
        Ok(keys)
    }

    /// Returns the keys of a size, if there are any. Another instance may have made them.
    pub(crate) fn find(&self, ctx: &Context<'_>, size: KeySize) -> Result<Option<Arc<ServiceKeys>>, Failure> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut cached[size as usize];
        if slot.is_none() {
            *slot = transact(ctx.storage, "keys.load", |rows| load(rows, ctx.sealer, size))?.map(Arc::new);
        }
        Ok(slot.clone())
    }
}

fn load_or_make(ctx: &Context<'_>, size: KeySize) -> Result<ServiceKeys, Failure> {
    let Context { storage, sealer, .. } = *ctx;
    if let Some(keys) = transact(storage, "keys.load", |rows| load(rows, sealer, size))? {
        return Ok(keys);
    }
    let factory = load_or_make_factory(ctx)?;
    // Primes are searched outside of a transaction, so that no step waits for them. If another
    // process is faster, its keys are used.
    let made = make(sealer, &factory, size)?;
    let keys = transact(storage, "keys.make", |rows| {
        if let Some(keys) = load(rows, sealer, size)? {
            return Ok(Some(keys));
        }
        made.iter().try_for_each(|key| add(ctx, rows, key))?;
        load(rows, sealer, size)
    })?;
    keys.ok_or(Failure::Sealed)
}

fn load_or_make_factory(ctx: &Context<'_>) -> Result<PrivateKey, Failure> {
    let Context { storage, sealer, .. } = *ctx;
    if let Some(row) = transact(storage, "keys.load", |rows| Ok(rows.service_key(FACTORY)?))? {
        return open(sealer, &row);
    }
    let key = PrivateKey::generate(FACTORY_BITS)?;
    let made = row(sealer, FACTORY, &key, &key.public().to_bytes())?;
    let stored = transact(storage, "keys.make", |rows| {
        if rows.service_key(FACTORY)?.is_none() {
            add(ctx, rows, &made)?;
        }
        Ok(rows.service_key(FACTORY)?)
    })?;
    open(sealer, &stored.ok_or(Failure::Sealed)?)
}

/// Writes a new key, and the time at which it was made.
fn add(ctx: &Context<'_>, rows: &Transaction<'_>, key: &ServiceKeyRow) -> Result<(), Failure> {
    rows.add_service_key(key)?;
    key_times::record(rows, &ctx.trail.key, &key_times::service_key(key.name), ctx.now)
}

/// Returns the names of the keys that the database holds.
pub(crate) fn names(step: &Step<'_>) -> Result<Vec<&'static str>, Failure> {
    let mut names = Vec::new();
    for name in all_names() {
        if step.rows.service_key(name)?.is_some() {
            names.push(name);
        }
    }
    Ok(names)
}

fn all_names() -> impl Iterator<Item = &'static str> {
    std::iter::once(FACTORY).chain(KeySize::ALL.into_iter().flat_map(row_names))
}

fn load(rows: &Transaction<'_>, sealer: &Sealer, size: KeySize) -> Result<Option<ServiceKeys>, Failure> {
    let [device, service] = row_names(size);
    let found = (rows.service_key(FACTORY)?, rows.service_key(device)?, rows.service_key(service)?);
    let (Some(factory), Some(device), Some(service)) = found else { return Ok(None) };
    Ok(Some(ServiceKeys {
        factory_announced: factory.announced,
        device: open(sealer, &device)?,
        device_announced: device.announced,
        service: open(sealer, &service)?,
        service_announced: service.announced,
    }))
}

/// Seals the keys again under the current master key, if another key sealed them. Returns how many
/// changed.
pub(crate) fn reseal(step: &Step<'_>) -> Result<u32, Failure> {
    let mut resealed = 0;
    for name in all_names() {
        let Some(row) = step.rows.service_key(name)? else { continue };
        if let Some(primes) = step.sealer.reseal(Binding { column: COLUMN, row: name }, &row.primes)? {
            step.rows.add_service_key(&ServiceKeyRow { primes, ..row })?;
            resealed += 1;
        }
    }
    Ok(resealed)
}

fn open(sealer: &Sealer, row: &ServiceKeyRow) -> Result<PrivateKey, Failure> {
    let primes = sealer.open(Binding { column: COLUMN, row: row.name }, &row.primes)?;
    PrivateKey::from_bytes(&primes).ok_or(Failure::Sealed)
}

fn row(sealer: &Sealer, name: &'static str, key: &PrivateKey, announced: &[u8]) -> Result<ServiceKeyRow, Failure> {
    let primes = sealer.seal(Binding { column: COLUMN, row: name }, &key.to_bytes())?;
    Ok(ServiceKeyRow { name, primes, announced: hex::encode(announced) })
}

fn make(sealer: &Sealer, factory: &PrivateKey, size: KeySize) -> Result<[ServiceKeyRow; 2], Failure> {
    let make = |name| {
        let key = PrivateKey::generate(size.bits())?;
        row(sealer, name, &key, &factory.seal(&key.public().to_bytes())?)
    };
    let [device, service] = row_names(size);
    Ok([make(device)?, make(service)?])
}

//! The service's own RSA keys: made once, at the first need, and kept sealed in the database.

use std::sync::{Arc, Mutex, PoisonError};

use inwebo_values::hex;

use crate::failure::Failure;
use crate::rsa::PrivateKey;
use crate::sealing::{Place, Vault};
use crate::step::Step;
use crate::storage::{ServiceKeyRow, Storage, Transaction, transact};

/// The size of the factory key is a fact of the protocol.
const FACTORY_BITS: u32 = 1024;
const BITS: u32 = 2048;

const FACTORY: &str = "factory";
const DEVICE: &str = "device";
const SERVICE: &str = "service";
const COLUMN: &str = "service_keys.primes";

/// The keys, and the texts by which devices learn them.
pub(crate) struct ServiceKeys {
    /// `Kfact`: the factory modulus in hex.
    pub(crate) factory_announced: String,
    /// What `kma` and PINs are encrypted to.
    pub(crate) device: PrivateKey,
    /// `Kiw`.
    pub(crate) device_announced: String,
    /// What service secrets are encrypted to.
    pub(crate) service: PrivateKey,
    /// `ms_key`.
    pub(crate) service_announced: String,
}

/// Holds the keys once they were needed.
#[derive(Default)]
pub(crate) struct KeyHolder(Mutex<Option<Arc<ServiceKeys>>>);

impl KeyHolder {
    /// The keys: held, from the database, or new.
    pub(crate) fn get(&self, storage: &dyn Storage, vault: &Vault) -> Result<Arc<ServiceKeys>, Failure> {
        // While one thread makes keys, which takes a while, the others wait for the same ones.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = &*held {
            return Ok(keys.clone());
        }
        let keys = Arc::new(load_or_make(storage, vault)?);
        *held = Some(keys.clone());
        Ok(keys)
    }
}

fn load_or_make(storage: &dyn Storage, vault: &Vault) -> Result<ServiceKeys, Failure> {
    if let Some(keys) = transact(storage, "keys.load", |rows| load(rows, vault))? {
        return Ok(keys);
    }
    // Outside of a transaction: nobody waits for primes. Where another process is faster, its keys count.
    let made = make(vault)?;
    let keys = transact(storage, "keys.make", |rows| {
        if let Some(keys) = load(rows, vault)? {
            return Ok(Some(keys));
        }
        made.iter().try_for_each(|key| rows.put_service_key(key))?;
        load(rows, vault)
    })?;
    keys.ok_or(Failure::Sealed)
}

fn load(rows: &Transaction<'_>, vault: &Vault) -> Result<Option<ServiceKeys>, Failure> {
    let found = (rows.service_key(FACTORY)?, rows.service_key(DEVICE)?, rows.service_key(SERVICE)?);
    let (Some(factory), Some(device), Some(service)) = found else { return Ok(None) };
    Ok(Some(ServiceKeys {
        factory_announced: factory.announced,
        device: open(vault, &device)?,
        device_announced: device.announced,
        service: open(vault, &service)?,
        service_announced: service.announced,
    }))
}

/// Seals the keys anew under the current master key, where they are not. Tells how many were.
pub(crate) fn reseal(step: &Step<'_>) -> Result<u32, Failure> {
    let mut resealed = 0;
    for name in [FACTORY, DEVICE, SERVICE] {
        let Some(row) = step.rows.service_key(name)? else { continue };
        if let Some(primes) = step.vault.reseal(Place { column: COLUMN, row: name }, &row.primes)? {
            step.rows.put_service_key(&ServiceKeyRow { primes, ..row })?;
            resealed += 1;
        }
    }
    Ok(resealed)
}

fn open(vault: &Vault, row: &ServiceKeyRow) -> Result<PrivateKey, Failure> {
    let primes = vault.open(Place { column: COLUMN, row: row.name }, &row.primes)?;
    PrivateKey::from_bytes(&primes).ok_or(Failure::Sealed)
}

fn make(vault: &Vault) -> Result<[ServiceKeyRow; 3], Failure> {
    let factory = PrivateKey::generate(FACTORY_BITS)?;
    let row = |name, key: &PrivateKey, announced: &[u8]| {
        let primes = vault.seal(Place { column: COLUMN, row: name }, &key.to_bytes())?;
        Ok::<_, Failure>(ServiceKeyRow { name, primes, announced: hex::encode(announced) })
    };
    let announced = |name| {
        let key = PrivateKey::generate(BITS)?;
        row(name, &key, &factory.seal(&key.public().to_bytes())?)
    };
    Ok([row(FACTORY, &factory, &factory.public().to_bytes())?, announced(DEVICE)?, announced(SERVICE)?])
}

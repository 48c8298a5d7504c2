//! PostgreSQL. Not there yet.

use super::{Storage, StorageError, Transaction};
use crate::authority::Postgres;
use crate::failure::{Failure, OpenError};

pub(crate) struct PostgreSql;

impl PostgreSql {
    pub(crate) fn open(_server: &Postgres) -> Result<Self, OpenError> {
        Err(StorageError::new("PostgreSQL is not there yet").into())
    }
}

impl Storage for PostgreSql {
    fn transact(
        &self,
        _what: &'static str,
        _step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        Err(StorageError::new("PostgreSQL is not there yet").into())
    }
}

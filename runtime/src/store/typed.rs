//! Rows whose values are JSON.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{Row, Store, StoreError, Table, Txn, Version};

/// A row whose value has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// Its key within the table.
    pub key: Vec<u8>,
    /// What it holds.
    pub value: T,
    /// The transaction that wrote it last.
    pub version: Version,
}

impl Row {
    /// Reads the value; `table` is for the error.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when it is not a `T`.
    pub fn json<T: DeserializeOwned>(self, table: Table) -> Result<Stored<T>, StoreError> {
        match serde_json::from_slice(&self.value) {
            Ok(value) => Ok(Stored { key: self.key, value, version: self.version }),
            Err(why) => Err(StoreError::bad_row(table, &self.key, why)),
        }
    }
}

impl Txn {
    /// Writes a row whose value is `value` as JSON.
    ///
    /// # Errors
    ///
    /// [`StoreError::Encode`] when JSON cannot say it (a map whose keys are not text).
    pub fn put_json<T: Serialize + ?Sized>(
        self,
        table: Table,
        key: impl Into<Vec<u8>>,
        value: &T,
    ) -> Result<Self, StoreError> {
        let value =
            serde_json::to_vec(value).map_err(|source| StoreError::Encode { table, source: Arc::new(source) })?;
        Ok(self.put(table, key, value))
    }
}

/// Reads JSON rows from any [`Store`].
pub trait Typed: Store {
    /// [`Store::get`], read as a `T`.
    ///
    /// # Errors
    ///
    /// Those of `get`, and [`StoreError::Corrupt`] when it is not a `T`.
    fn get_json<T: DeserializeOwned>(
        &self,
        table: Table,
        key: &[u8],
    ) -> impl Future<Output = Result<Option<Stored<T>>, StoreError>> + Send {
        async move { self.get(table, key).await?.map(|row| row.json(table)).transpose() }
    }

    /// [`Store::scan`], each row read as a `T`.
    ///
    /// # Errors
    ///
    /// Those of `scan`, and [`StoreError::Corrupt`] when one is not a `T`.
    fn scan_json<T: DeserializeOwned>(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> impl Future<Output = Result<Vec<Stored<T>>, StoreError>> + Send {
        async move {
            let rows = self.scan(table, prefix, after, limit, reverse).await?;
            rows.into_iter().map(|row| row.json(table)).collect()
        }
    }
}

impl<S: Store + ?Sized> Typed for S {}

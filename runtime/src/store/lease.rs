//! Who works on what, and how a worker that was given up for dead is kept from writing.
//!
//! Each start of a server is an [`Incarnation`]: a row that exists as long as that server can be alive. A [`Lease`] is a row
//! that names the incarnation working on a task. The version of that row, which no other claim will ever have again, is its
//! **fencing token**: every write of the task carries [`Lease::check`], so once somebody else has claimed the task, or it was
//! released, whatever the old holder still wants to write is refused, however late it comes.
//!
//! ```no_run
//! # use cloudark_runtime::store::{Store, StoreError, Txn, lease::{self, Standing}};
//! # async fn work(store: &dyn Store) -> Result<(), StoreError> {
//! let me = store.incarnate("host-1, process 4711").await?;         // once, when the server starts
//! let Standing::Free(claim) = lease::standing(store, &me, b"task-1").await? else { return Ok(()) };
//! let lease = claim.take(store).await?;                            // Conflict: another was faster
//! store.commit(Txn::new().check(lease.check())/* … */).await?;     // each write of the task
//! store.commit(lease.release(Txn::new())).await?;                  // with the last one
//! # Ok(()) }
//! ```
//!
//! A task that waits holds no lease. A lease of an incarnation that has ended needs no clean-up: anyone may claim it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Check, Key, KeyReader, Store, StoreError, Table, Txn, Version, typed::Typed};

/// Numbers the starts of servers; never used twice in the life of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncarnationId(u64);

impl IncarnationId {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for IncarnationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One start of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incarnation {
    id: IncarnationId,
}

/// What the row of an incarnation holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Which server it is, for people: host and process.
    pub holder: String,
}

impl Incarnation {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> IncarnationId {
        self.id
    }

    /// Holds while this server has not been declared dead.
    #[must_use]
    pub fn check(&self) -> Check {
        Check::Exists { table: Table::Incarnation, key: incarnation_key(self.id).into() }
    }
}

/// The counter of incarnations: a row of [`Table::Meta`].
fn counter_key() -> Key {
    Key::new().text("incarnation")
}

fn incarnation_key(id: IncarnationId) -> Key {
    Key::new().u64(id.0)
}

/// [`Store::incarnate`] for a store that only one server can have open: the others have ended, since this one has it.
///
/// # Errors
///
/// Those of the store.
pub async fn incarnate_alone(store: &dyn Store, holder: &str) -> Result<Incarnation, StoreError> {
    let counter = counter_key();
    let before = store.get_json::<IncarnationId>(Table::Meta, &counter).await?;
    let (txn, last) = match before {
        Some(row) => (Txn::new().check_version(Table::Meta, &counter, row.version), row.value.0),
        None => (Txn::new().check_absent(Table::Meta, &counter), 0),
    };
    let id = IncarnationId(last.saturating_add(1));
    let txn = txn.put_json(Table::Meta, counter, &id)?.delete_prefix(Table::Incarnation, Key::new()).put_json(
        Table::Incarnation,
        incarnation_key(id),
        &Holder { holder: holder.to_owned() },
    )?;
    store.commit(txn).await?;
    Ok(Incarnation { id })
}

/// The incarnations that may be alive, oldest first.
///
/// # Errors
///
/// Those of the store.
pub async fn alive(store: &dyn Store) -> Result<Vec<(IncarnationId, Holder)>, StoreError> {
    let rows = store.scan_json::<Holder>(Table::Incarnation, &[], None, usize::MAX, false).await?;
    let id = |key: &[u8]| {
        KeyReader::new(key).u64().map(IncarnationId).map_err(|why| StoreError::bad_row(Table::Incarnation, key, why))
    };
    rows.into_iter().map(|row| Ok((id(&row.key)?, row.value))).collect()
}

/// Proof of having claimed something: which server, and which claim. Later claims have greater tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The server.
    pub incarnation: IncarnationId,
    /// The claim.
    pub token: Version,
}

/// A claim that was won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: Vec<u8>,
    fence: Fence,
}

/// What the row of a lease holds; its token is the row's version.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LeaseRow {
    incarnation: IncarnationId,
}

impl Lease {
    /// What it is on.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its fence, to be recorded with what is written under it.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// Holds as long as nobody else has claimed it and it was not released. Every write under the lease carries it.
    #[must_use]
    pub fn check(&self) -> Check {
        Check::Version { table: Table::Lease, key: self.name.clone(), version: self.fence.token }
    }

    /// Gives it up together with what `txn` writes.
    pub fn release(self, txn: Txn) -> Txn {
        txn.check(self.check()).delete(Table::Lease, self.name)
    }
}

/// Whether something can be claimed, as of when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody works on it, or somebody who has ended.
    Free(Claim),
    /// This very server has claimed it. Whoever takes the claim again voids the first.
    Ours(Claim),
    /// A server that may be alive has.
    Held(IncarnationId),
}

/// A claim to be made. It is refused as a conflict when the standing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    name: Vec<u8>,
    by: IncarnationId,
    checks: Vec<Check>,
}

impl Claim {
    /// Claims it together with what `txn` writes; pass the version of the commit to [`Claim::granted`].
    ///
    /// # Errors
    ///
    /// None in practice: the row is always JSON.
    pub fn with(&self, txn: Txn) -> Result<Txn, StoreError> {
        let txn = self.checks.iter().cloned().fold(txn, Txn::check);
        txn.put_json(Table::Lease, self.name.clone(), &LeaseRow { incarnation: self.by })
    }

    /// The lease, given the version of the commit of [`Claim::with`].
    #[must_use]
    pub fn granted(self, version: Version) -> Lease {
        Lease { name: self.name, fence: Fence { incarnation: self.by, token: version } }
    }

    /// Claims it, and nothing else.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when somebody else was faster, or this server was declared dead.
    pub async fn take(self, store: &dyn Store) -> Result<Lease, StoreError> {
        let version = store.commit(self.with(Txn::new())?).await?;
        Ok(self.granted(version))
    }
}

/// Looks whether `me` can claim `name`.
///
/// # Errors
///
/// Those of the store.
pub async fn standing(store: &dyn Store, me: &Incarnation, name: &[u8]) -> Result<Standing, StoreError> {
    let claim = |check: Check| Claim { name: name.to_vec(), by: me.id, checks: vec![me.check(), check] };
    let Some(row) = store.get_json::<LeaseRow>(Table::Lease, name).await? else {
        return Ok(Standing::Free(claim(Check::Absent { table: Table::Lease, key: name.to_vec() })));
    };
    let holder = row.value.incarnation;
    let claim = claim(Check::Version { table: Table::Lease, key: name.to_vec(), version: row.version });
    if holder == me.id {
        return Ok(Standing::Ours(claim));
    }
    let key = incarnation_key(holder);
    Ok(match store.get(Table::Incarnation, &key).await? {
        Some(_) => Standing::Held(holder),
        // Ids are never used again: who has ended stays so, and needs no check.
        None => Standing::Free(claim),
    })
}

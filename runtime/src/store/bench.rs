//! What durability costs, against redb without us: run by `cargo xtask bench`.
//!
//! A mutating host call is two durable transactions one after the other: its intent, and its result. The baseline is two
//! commits of the same bytes to a redb file of its own, taken in turns with ours so that the disk's moods hit both.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ::redb::{Database, TableDefinition};

use super::{
    Key, RedbStore, Store, StoreError, Table, Txn,
    lease::{self, Lease, Standing},
    redb::{Options, translate},
};

/// A typical intent and result, in bytes: a signed form request, and what AWS answers.
const INTENT: usize = 600;
const RESULT: usize = 1800;
const BARE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("bare");

/// What [`durable_calls`] has measured.
#[derive(Debug, Clone)]
pub struct DurableCalls {
    /// Two bare redb commits, at the median.
    pub bare: Duration,
    /// Intent and result through the store, at the median.
    pub alone: Duration,
    /// How many tasks called at once for `together`.
    pub tasks: u32,
    /// Calls a second with one task calling.
    pub alone_rate: f64,
    /// Calls a second with all tasks calling.
    pub together_rate: f64,
}

impl DurableCalls {
    /// How much longer a call takes than two bare commits.
    #[must_use]
    pub fn overhead(&self) -> f64 {
        self.alone.as_secs_f64() / self.bare.as_secs_f64()
    }

    /// How many times more calls a second all tasks get through together than one alone.
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.together_rate / self.alone_rate
    }
}

/// Measures `rounds` calls alone, and then `tasks` tasks of `each` calls at once, in new files in `folder`.
///
/// # Errors
///
/// Those of the store.
pub async fn durable_calls(folder: &Path, rounds: u32, tasks: u32, each: u32) -> Result<DurableCalls, StoreError> {
    let store = Arc::new(RedbStore::open(&folder.join("store"), &Options::default())?);
    let bare_path = folder.join("bare");
    let db = Database::create(&bare_path).map_err(|error| translate("opening", &bare_path, error.into()))?;
    let me = store.incarnate("bench").await?;

    let task = Task::new(&*store, &me, 0).await?;
    let (mut bare, mut alone) = (Vec::new(), Vec::new());
    for number in 0..rounds {
        let start = Instant::now();
        for (key, value) in task.rows(number) {
            bare_commit(&db, &key, &value).map_err(|error| translate("writing to", &bare_path, error))?;
        }
        bare.push(start.elapsed());
        let start = Instant::now();
        task.call(&*store, number).await?;
        alone.push(start.elapsed());
    }
    let alone_rate = f64::from(rounds) / alone.iter().sum::<Duration>().as_secs_f64();

    let mut callers = Vec::new();
    for name in 1..=tasks {
        callers.push(Task::new(&*store, &me, name).await?);
    }
    let start = Instant::now();
    let calls: Vec<_> = callers
        .into_iter()
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..each {
                    task.call(&*store, number).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .collect();
    for call in calls {
        call.await.map_err(|_| StoreError::Closed)??;
    }
    let together_rate = f64::from(tasks) * f64::from(each) / start.elapsed().as_secs_f64();
    Ok(DurableCalls { bare: median(bare), alone: median(alone), tasks, alone_rate, together_rate })
}

/// A task that calls, under a lease as the journal's.
struct Task {
    name: u32,
    lease: Lease,
}

impl Task {
    async fn new(store: &dyn Store, me: &lease::Incarnation, name: u32) -> Result<Self, StoreError> {
        match lease::standing(store, me, &Key::new().u32(name)).await? {
            Standing::Free(claim) | Standing::Ours(claim) => Ok(Self { name, lease: claim.take(store).await? }),
            Standing::Held(_) => Err(StoreError::Closed),
        }
    }

    fn rows(&self, number: u32) -> [(Vec<u8>, Vec<u8>); 2] {
        let key = |part: u32| Key::new().u32(self.name).u32(number).u32(part).into();
        [(key(0), vec![b'i'; INTENT]), (key(1), vec![b'r'; RESULT])]
    }

    async fn call(&self, store: &dyn Store, number: u32) -> Result<(), StoreError> {
        let [(intent, request), (result, response)] = self.rows(number);
        let txn = Txn::new().check(self.lease.check()).check_absent(Table::Journal, intent.clone());
        let version = store.commit(txn.put(Table::Journal, intent.clone(), request)).await?;
        let txn = Txn::new().check(self.lease.check()).check_version(Table::Journal, intent, version);
        store.commit(txn.put(Table::Journal, result, response).must_land()).await?;
        Ok(())
    }
}

fn bare_commit(db: &Database, key: &[u8], value: &[u8]) -> Result<(), ::redb::Error> {
    let write = db.begin_write()?;
    write.open_table(BARE)?.insert(key, value)?;
    write.commit()?;
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

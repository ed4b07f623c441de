//! Group commit: one thread takes all transactions that are waiting and makes them durable together, with one `fsync`.
//!
//! While the disk is busy with one batch the next one gathers, so the more there is to write, the more each sync carries;
//! nobody waits for a batch to fill. Checks are made in the order of arrival inside the one redb transaction, so each sees
//! what those before it wrote; one that fails is answered as a conflict and leaves the others alone. Answers go out after the
//! sync.
//!
//! When writing fails, the file is opened again at once, so that reading goes on, and:
//! transactions that must land wait here, in memory, and are tried again with a growing delay; all others are refused, those
//! that come during the delay at the door, so that a caller who has not acted yet does not act. What the failed commit did
//! write is found out by the revision in the file, never guessed.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    file::{DbFile, ReadError},
    layout::{ROWS, apply, revision, set_revision},
    queue::{Job, Notices},
};
use crate::store::{StoreError, Version};

/// The most transactions of one batch.
const BATCH: usize = 1024;
/// The most bytes of one batch; a single larger transaction makes one of its own.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// The first delay after a failed write, which doubles up to the last.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(5);

type Answers = Vec<Result<Version, StoreError>>;

/// How an attempt to write a batch went.
enum Attempt {
    /// It is durable (or there was nothing to write): the answers.
    Done(Answers),
    /// Nothing of it was written.
    Failed(StoreError),
    /// It was written entirely or not at all: the answers if it was, and the revision that tells.
    Uncertain(Answers, Version, StoreError),
}

/// A batch whose fate the file will tell.
struct Undecided {
    jobs: Vec<Job>,
    answers: Answers,
    revision: Version,
    error: StoreError,
}

/// Writing has failed, and not succeeded since.
struct Stall {
    /// When it is tried again; none once that is up to the next transaction that comes.
    until: Option<Instant>,
    delay: Duration,
}

/// What the writer does next.
enum Next {
    /// Write these.
    Write(Vec<Job>),
    /// Open the file, which a failure has left closed.
    Open,
    /// Nothing more comes, and nothing waits.
    Stop,
}

/// The thread that alone writes to the file.
pub(super) struct Writer {
    file: Arc<DbFile>,
    notices: Arc<Notices>,
    jobs: Receiver<Job>,
    revision: Version,
    /// Taken, not yet in a batch; those that must land keep their place here while writing fails.
    waiting: VecDeque<Job>,
    undecided: Option<Undecided>,
    stall: Option<Stall>,
    closing: bool,
}

impl Writer {
    pub(super) fn new(file: Arc<DbFile>, notices: Arc<Notices>, jobs: Receiver<Job>, revision: Version) -> Self {
        let (waiting, undecided, stall) = (VecDeque::new(), None, None);
        Self { file, notices, jobs, revision, waiting, undecided, stall, closing: false }
    }

    /// Writes until nobody can send any more.
    pub(super) fn run(mut self) {
        loop {
            match self.next() {
                Next::Write(batch) => self.write(batch),
                Next::Open => self.open(),
                Next::Stop => return,
            }
        }
    }

    fn next(&mut self) -> Next {
        self.sit_out_stall();
        if !self.file.is_open() {
            return if self.closing { self.give_up() } else { Next::Open };
        }
        if self.waiting.is_empty() {
            match self.jobs.recv() {
                Ok(job) => self.waiting.push_back(job),
                Err(_) => return Next::Stop,
            }
        }
        while self.waiting.len() < BATCH
            && let Ok(job) = self.jobs.try_recv()
        {
            self.waiting.push_back(job);
        }
        let mut bytes = 0_usize;
        let fits = |job: &&Job| {
            bytes = bytes.saturating_add(job.bytes);
            bytes <= BATCH_BYTES
        };
        let count = self.waiting.iter().take(BATCH).take_while(fits).count().max(1);
        Next::Write(self.waiting.drain(..count.min(self.waiting.len())).collect())
    }

    /// Until the delay after a failure is over: keeps what must land, refuses the rest.
    fn sit_out_stall(&mut self) {
        let Some(until) = self.stall.as_ref().and_then(|stall| stall.until) else {
            return;
        };
        while !self.closing {
            match self.jobs.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(job) if job.txn.must_land => self.waiting.push_back(job),
                Ok(job) => job.answer(Err(self.notices.trouble().unwrap_or(StoreError::Closed))),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => self.closing = true,
            }
        }
        if self.waiting.is_empty() && self.file.is_open() {
            // Nothing here to try with.
            self.notices.set_trouble(None);
            self.stall = self.stall.take().map(|stall| Stall { until: None, ..stall });
        }
    }

    /// The server stops while the disk still refuses: the answers of those who wait.
    fn give_up(&mut self) -> Next {
        let undecided = self.undecided.take().into_iter().flat_map(|undecided| undecided.jobs);
        undecided.chain(self.waiting.drain(..)).for_each(|job| job.answer(Err(StoreError::Closed)));
        Next::Stop
    }

    fn write(&mut self, batch: Vec<Job>) {
        match self.attempt(&batch) {
            Attempt::Done(answers) => {
                self.recovered();
                self.answer(batch, answers);
            }
            Attempt::Failed(error) => {
                self.file.close();
                self.keep_or_refuse(batch, &error);
                self.stalled(error);
            }
            Attempt::Uncertain(answers, revision, error) => {
                self.file.close();
                self.undecided = Some(Undecided { jobs: batch, answers, revision, error: error.clone() });
                self.stalled(error);
            }
        }
    }

    /// Makes the transactions of the batch to the file, in one durable commit.
    fn attempt(&self, batch: &[Job]) -> Attempt {
        let failed = |error: redb::Error| Attempt::Failed(self.file.error("writing to", error));
        let write = match self.file.begin_write() {
            Ok(write) => write,
            Err(error) => return Attempt::Failed(error),
        };
        let mut revision = self.revision;
        let mut answers = Vec::with_capacity(batch.len());
        {
            let mut rows = match write.open_table(ROWS) {
                Ok(rows) => rows,
                Err(error) => return failed(error.into()),
            };
            for job in batch {
                let answer = match apply(&mut rows, &job.txn, revision.next()) {
                    Ok(answer) => answer,
                    Err(error) => return failed(error.into()),
                };
                if answer.is_ok() && !job.txn.writes.is_empty() {
                    revision = revision.next();
                }
                answers.push(answer.map(|()| revision));
            }
            if revision != self.revision
                && let Err(error) = set_revision(&mut rows, revision)
            {
                return failed(error.into());
            }
        }
        if revision == self.revision {
            return match write.abort() {
                Ok(()) => Attempt::Done(answers),
                Err(error) => failed(error.into()),
            };
        }
        match write.commit() {
            Ok(()) => Attempt::Done(answers),
            Err(error) if self.file.faults().header_touched() => {
                Attempt::Uncertain(answers, revision, self.file.error("writing to", error))
            }
            Err(error) => failed(error.into()),
        }
    }

    fn answer(&mut self, batch: Vec<Job>, answers: Answers) {
        let newest = answers.iter().flatten().max().copied();
        if let Some(newest) = newest.filter(|newest| *newest > self.revision) {
            self.revision = newest;
            self.notices.changes.send_replace(newest);
        }
        batch.into_iter().zip(answers).for_each(|(job, answer)| job.answer(answer));
    }

    /// After a failure that wrote nothing: those that must land are first in line again.
    fn keep_or_refuse(&mut self, batch: Vec<Job>, error: &StoreError) {
        let (keep, refuse): (Vec<_>, Vec<_>) = batch.into_iter().partition(|job| job.txn.must_land);
        refuse.into_iter().for_each(|job| job.answer(Err(error.clone())));
        keep.into_iter().rev().for_each(|job| self.waiting.push_front(job));
        let (keep, refuse): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|job| job.txn.must_land);
        refuse.into_iter().for_each(|job| job.answer(Err(error.clone())));
        self.waiting.extend(keep);
    }

    /// Writing has failed, and the file is closed.
    fn stalled(&mut self, error: StoreError) {
        if self.stall.is_none() {
            tracing::error!(%error, "the store cannot be written: results wait in memory, everything else is refused");
        }
        self.delay();
        self.notices.set_trouble(Some(error));
        if self.file.faults().sync_failed() {
            return self.condemn();
        }
        // Reading goes on meanwhile. When this fails, it is tried again after the delay.
        self.open();
        if self.closing {
            self.waiting.drain(..).for_each(|job| job.answer(Err(StoreError::Closed)));
        }
    }

    fn delay(&mut self) {
        let delay = self.stall.as_ref().map_or(FIRST_DELAY, |stall| LAST_DELAY.min(stall.delay.saturating_mul(2)));
        self.stall = Some(Stall { until: Some(Instant::now() + delay), delay });
    }

    fn recovered(&mut self) {
        if self.stall.take().is_some() {
            tracing::info!(store = %self.file.path().display(), "the store can be written again");
            self.notices.set_trouble(None);
        }
    }

    /// Opens the file after a failure, and settles what became of the batch whose fate is in it.
    fn open(&mut self) {
        let opened = self.file.reopen().and_then(|()| {
            self.file.read(revision).map_err(|error| match error {
                ReadError::Reopening | ReadError::Closed => StoreError::Closed,
                ReadError::Failed(error) => error,
            })
        });
        match opened {
            Ok(found) => {
                if let Some(Undecided { jobs, answers, revision, error }) = self.undecided.take() {
                    if found >= revision { self.answer(jobs, answers) } else { self.keep_or_refuse(jobs, &error) }
                }
            }
            Err(error) => {
                tracing::error!(%error, "the store cannot be opened again");
                self.file.close();
                self.delay();
                self.notices.set_trouble(Some(error));
                if self.file.faults().sync_failed() {
                    self.condemn();
                }
            }
        }
    }

    /// After a failed sync (see `disk.rs`): nothing more is written by this server.
    fn condemn(&mut self) {
        let error = match self.notices.trouble() {
            Some(StoreError::Io { doing, path, source, .. }) => StoreError::Io { doing, path, source, uncertain: true },
            other => other.unwrap_or(StoreError::Closed),
        };
        tracing::error!(%error, "the disk did not keep what it was given: restart the server once the disk is in order");
        self.notices.set_trouble(Some(error.clone()));
        let undecided = self.undecided.take().into_iter().flat_map(|undecided| undecided.jobs);
        undecided.chain(self.waiting.drain(..)).for_each(|job| job.answer(Err(error.clone())));
        // Whoever still comes gets the same answer, until nobody can come any more.
        while let Ok(job) = self.jobs.recv() {
            job.answer(Err(error.clone()));
        }
        self.closing = true;
    }
}

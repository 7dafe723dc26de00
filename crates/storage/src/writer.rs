//! The writer: one thread that owns the engine. It takes whatever is queued, commits it as one transaction, and answers
//! only then. It never waits for company: under load the queue fills while the disk syncs, and that is the company.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    Audit, BankView, Change, Claim, Claimed, Digest, Engine, FlowExpiry, Mark, Marked, Millis, NewDocument, OpenError,
    Replay, Replayed, ResetCounts, Retention, Scope, SealedCommit, StoreError, Verdict,
};

/// Where an answer goes. Nobody may be waiting any more; what was done is done.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work, and since when it waits.
type Queued = (Instant, Work);

/// What the writer is asked for.
pub(crate) enum Work {
    /// Boxed, so that the places of the queue stay small.
    Commit(Box<SealedCommit>, Answer<Verdict>),
    Claim(Claim, Answer<Vec<Claimed>>),
    Mark(Vec<Mark>, Answer<Vec<Marked>>),
    Release(Millis, Answer<usize>),
    Replay {
        replay: Box<Replay>,
        after: i64,
        answer: Answer<Replayed>,
    },
    Acknowledge {
        view: BankView,
        ids: Vec<i64>,
        now: Millis,
        answer: Answer<Vec<Marked>>,
    },
    Administer {
        changes: Vec<Change>,
        audit: Audit,
        answer: Answer<()>,
    },
    PutDocument {
        document: NewDocument,
        expected_previous: Option<u32>,
        answer: Answer<u32>,
    },
    ResetSandbox {
        scope: Scope,
        limit: u32,
        answer: Answer<ResetCounts>,
    },
    CheckSecret {
        name: &'static str,
        digest: Digest,
        answer: Answer<bool>,
    },
    ExpireFlows(FlowExpiry, Answer<usize>),
    Purge {
        now: Millis,
        limit: u32,
        answer: Answer<usize>,
    },
    Erase {
        retention: Retention,
        records: Vec<Uuid>,
        answer: Answer<usize>,
    },
    /// End once everything queued before is done.
    Stop,
}

/// What can be seen of the writer from outside.
#[derive(Debug)]
pub(crate) struct Signs {
    /// The engine cannot be trusted any more.
    pub(crate) broken: AtomicBool,
    /// The last write found no space.
    pub(crate) full: AtomicBool,
    /// Work that is queued and not begun.
    pub(crate) queued: AtomicUsize,
    /// Transactions that stored commits.
    pub(crate) transactions: AtomicU64,
    /// Commits that were stored.
    pub(crate) commits: AtomicU64,
    /// Records whose content was erased.
    pub(crate) erased: AtomicU64,
    /// How long the work begun last had waited.
    waited_micros: AtomicU64,
    /// When the work under way was begun, since `started`; 0 when there is none.
    begun_micros: AtomicU64,
    started: Instant,
}

impl Signs {
    fn new() -> Self {
        Self {
            broken: AtomicBool::new(false),
            full: AtomicBool::new(false),
            queued: AtomicUsize::new(0),
            transactions: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            erased: AtomicU64::new(0),
            waited_micros: AtomicU64::new(0),
            begun_micros: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// How long new work will wait, going by the last: its waiting time, or longer when the writer has not come back
    /// since.
    pub(crate) fn wait(&self) -> Duration {
        let begun = self.begun_micros.load(Ordering::Relaxed);
        if begun == 0 {
            return Duration::ZERO;
        }
        let under_way = self.started.elapsed().saturating_sub(Duration::from_micros(begun));
        under_way.max(Duration::from_micros(self.waited_micros.load(Ordering::Relaxed)))
    }

    fn begin(&self, oldest: Instant) {
        let now = Instant::now();
        self.waited_micros.store(micros(now.saturating_duration_since(oldest)), Ordering::Relaxed);
        self.begun_micros.store(micros(now.saturating_duration_since(self.started)).max(1), Ordering::Relaxed);
    }

    fn end(&self) {
        self.begun_micros.store(0, Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The way to the writer.
pub(crate) struct Writer {
    queue: SyncSender<Queued>,
    signs: Arc<Signs>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        engine: impl Engine,
        queue_length_max: usize,
        batch_length_max: usize,
    ) -> Result<(Self, JoinHandle<()>), OpenError> {
        let (queue, work) = sync_channel(queue_length_max);
        let signs = Arc::new(Signs::new());
        let desk = Desk { engine, signs: Arc::clone(&signs), batch_length_max };
        let thread = thread::Builder::new()
            .name("usher-writer".to_owned())
            .spawn(move || desk.run(&work))
            .map_err(OpenError::Thread)?;
        Ok((Self { queue, signs }, thread))
    }

    /// Queues work and waits for its answer. Once queued it is done, whether or not anybody still waits.
    pub(crate) async fn ask<T>(&self, work: impl FnOnce(Answer<T>) -> Work) -> Result<T, StoreError> {
        if self.signs.broken.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable);
        }
        let (answer, answered) = oneshot::channel();
        self.signs.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.queue.try_send((Instant::now(), work(answer))) {
            self.signs.queued.fetch_sub(1, Ordering::Relaxed);
            return Err(match error {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Disconnected(_) => StoreError::Unavailable,
            });
        }
        answered.await.unwrap_or(Err(StoreError::Unavailable))
    }

    /// Asks the thread to end once everything queued before is done.
    pub(crate) fn stop(&self) {
        self.signs.queued.fetch_add(1, Ordering::Relaxed);
        if self.queue.send((Instant::now(), Work::Stop)).is_err() {
            // It has ended already.
            self.signs.queued.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn signs(&self) -> &Signs {
        &self.signs
    }
}

/// What the thread works with.
struct Desk<E> {
    engine: E,
    signs: Arc<Signs>,
    batch_length_max: usize,
}

impl<E> Drop for Desk<E> {
    fn drop(&mut self) {
        // Closed or panicked: either way nothing is written any more.
        self.signs.broken.store(true, Ordering::Release);
    }
}

/// Work taken from the queue, sorted by kind. Nobody was answered yet, so the order between kinds was promised to
/// nobody either.
#[derive(Default)]
struct Batch {
    commits: Vec<SealedCommit>,
    commit_answers: Vec<Answer<Verdict>>,
    marks: Vec<Mark>,
    mark_answers: Vec<(usize, Answer<Vec<Marked>>)>,
    others: Vec<Work>,
    stop: bool,
}

impl Batch {
    fn add(&mut self, work: Work) {
        match work {
            Work::Commit(commit, answer) => {
                self.commits.push(*commit);
                self.commit_answers.push(answer);
            }
            Work::Mark(marks, answer) => {
                self.mark_answers.push((marks.len(), answer));
                self.marks.extend(marks);
            }
            Work::Stop => self.stop = true,
            other => self.others.push(other),
        }
    }
}

impl<E: Engine> Desk<E> {
    fn run(mut self, queue: &Receiver<Queued>) {
        let mut batch = Batch::default();
        while let Ok((queued_at, work)) = queue.recv() {
            self.signs.begin(queued_at);
            batch.add(work);
            let mut length = 1;
            while length < self.batch_length_max
                && let Ok((_, work)) = queue.try_recv()
            {
                batch.add(work);
                length += 1;
            }
            self.signs.queued.fetch_sub(length, Ordering::Relaxed);
            self.commit(&mut batch);
            self.mark(&mut batch);
            for work in batch.others.drain(..) {
                self.other(work);
            }
            self.signs.end();
            if batch.stop {
                return;
            }
        }
    }

    fn commit(&mut self, batch: &mut Batch) {
        if batch.commits.is_empty() {
            return;
        }
        let result = self.guarded(|engine| engine.commit(&batch.commits));
        batch.commits.clear();
        match result {
            Ok(verdicts) => {
                let stored = verdicts.iter().filter(|verdict| matches!(verdict, Ok(Verdict::Committed))).count();
                if stored > 0 {
                    self.signs.transactions.fetch_add(1, Ordering::Relaxed);
                    self.signs.commits.fetch_add(u64::try_from(stored).unwrap_or(u64::MAX), Ordering::Relaxed);
                }
                for (answer, verdict) in batch.commit_answers.drain(..).zip(verdicts) {
                    send(answer, verdict);
                }
            }
            Err(error) => batch.commit_answers.drain(..).for_each(|answer| send(answer, Err(error))),
        }
    }

    fn mark(&mut self, batch: &mut Batch) {
        if batch.marks.is_empty() && batch.mark_answers.is_empty() {
            return;
        }
        let result = self.guarded(|engine| engine.mark(&batch.marks));
        batch.marks.clear();
        match result {
            Ok(marked) => {
                let mut marked = marked.into_iter();
                for (length, answer) in batch.mark_answers.drain(..) {
                    send(answer, Ok(marked.by_ref().take(length).collect()));
                }
            }
            Err(error) => batch.mark_answers.drain(..).for_each(|(_, answer)| send(answer, Err(error))),
        }
    }

    fn other(&mut self, work: Work) {
        match work {
            Work::Claim(claim, answer) => send(answer, self.guarded(|engine| engine.claim(&claim))),
            Work::Release(now, answer) => send(answer, self.guarded(|engine| engine.release(now))),
            Work::Replay { replay, after, answer } => {
                send(answer, self.guarded(|engine| engine.replay(&replay, after)));
            }
            Work::Acknowledge { view, ids, now, answer } => {
                send(answer, self.guarded(|engine| engine.acknowledge(&view, &ids, now)));
            }
            Work::Administer { changes, audit, answer } => {
                send(answer, self.guarded(|engine| engine.administer(&changes, &audit)));
            }
            Work::PutDocument { document, expected_previous, answer } => {
                send(answer, self.guarded(|engine| engine.put_document(&document, expected_previous)));
            }
            Work::ResetSandbox { scope, limit, answer } => {
                send(answer, self.guarded(|engine| engine.reset_sandbox(&scope, limit)));
            }
            Work::CheckSecret { name, digest, answer } => {
                send(answer, self.guarded(|engine| engine.check_secret(name, &digest)));
            }
            Work::ExpireFlows(expiry, answer) => send(answer, self.guarded(|engine| engine.expire_flows(&expiry))),
            Work::Purge { now, limit, answer } => send(answer, self.guarded(|engine| engine.purge(now, limit))),
            Work::Erase { retention, records, answer } => {
                let erased = self.guarded(|engine| engine.erase(&retention, &records));
                let count = erased.as_ref().map_or(0, |count| u64::try_from(*count).unwrap_or(u64::MAX));
                self.signs.erased.fetch_add(count, Ordering::Relaxed);
                send(answer, erased);
            }
            Work::Commit(..) | Work::Mark(..) | Work::Stop => {}
        }
    }

    /// Calls the engine, unless it has failed before.
    fn guarded<T>(&mut self, command: impl FnOnce(&mut E) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.signs.broken.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable);
        }
        let result = command(&mut self.engine);
        let error = result.as_ref().err();
        self.signs.full.store(error == Some(&StoreError::Full), Ordering::Relaxed);
        if error == Some(&StoreError::Unavailable) {
            self.signs.broken.store(true, Ordering::Release);
        }
        result
    }
}

/// Nobody may be waiting any more; that changes nothing of what was stored.
fn send<T>(answer: Answer<T>, result: Result<T, StoreError>) {
    let _ = answer.send(result);
}

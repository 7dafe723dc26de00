//! The readers: a few threads, each with a reading connection, that take queries from one queue.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::{OpenError, Reader, StoreError};

/// A query; `None` ends the thread that takes it.
type Job = Option<Box<dyn FnOnce(&mut dyn Reader) + Send>>;

/// The way to the readers.
pub(crate) struct Readers {
    queue: SyncSender<Job>,
}

impl Readers {
    /// Starts a thread for each reader.
    pub(crate) fn start(
        readers: Vec<Box<dyn Reader>>,
        queue_length_max: usize,
    ) -> Result<(Self, Vec<JoinHandle<()>>), OpenError> {
        let (queue, jobs) = sync_channel(queue_length_max);
        let jobs = Arc::new(Mutex::new(jobs));
        let threads = readers
            .into_iter()
            .enumerate()
            .map(|(index, reader)| {
                let jobs = Arc::clone(&jobs);
                thread::Builder::new().name(format!("usher-reader-{index}")).spawn(move || run(reader, &jobs))
            })
            .collect::<Result<_, _>>()
            .map_err(OpenError::Thread)?;
        Ok((Self { queue }, threads))
    }

    /// Queues a query and waits for its answer.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut dyn Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Some(Box::new(move |reader| {
            // Whoever asked may have left while the query was queued.
            if !answer.is_closed() {
                let _ = answer.send(query(reader));
            }
        }));
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::Unavailable,
        })?;
        answered.await.unwrap_or(Err(StoreError::Unavailable))
    }

    /// Asks one thread to end; `false` when all have ended already.
    pub(crate) fn stop_one(&self) -> bool {
        self.queue.send(None).is_ok()
    }
}

fn run(mut reader: Box<dyn Reader>, jobs: &Mutex<Receiver<Job>>) {
    loop {
        // Locked while waiting only: the others queue up for the lock, which is as good as for the job.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(Some(query)) => query(&mut *reader),
            Ok(None) | Err(_) => return,
        }
    }
}

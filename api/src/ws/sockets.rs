//! How many sockets are open.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds how many sockets are open on this server.
#[derive(Clone)]
pub struct Sockets(Arc<Semaphore>);

impl Sockets {
    pub fn new(most: usize) -> Sockets {
        Sockets(Arc::new(Semaphore::new(most)))
    }

    /// A place for one more, held until it is dropped; `None` where as many are open as may be.
    pub fn open(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }
}

//! The sending half of a socket: a task with a bounded queue, so that a client that does not read holds up nobody but
//! itself, and not for long.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::SinkExt;
use futures::stream::SplitSink;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::protocol::Closing;

/// Messages that wait for the client; a producer of more waits itself.
const QUEUE: usize = 64;
/// How long a close frame may take to a client that has stopped reading.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub enum Outgoing {
    Text(String),
    /// An item of the operation `id`, which can be resumed after `cursor`.
    Item {
        text: String,
        id: String,
        cursor: i64,
    },
    /// The operation has no more items.
    Ended {
        text: String,
        id: String,
    },
    Ping,
}

/// Sends to the socket's writer.
#[derive(Clone)]
pub struct Outbox(mpsc::Sender<Outgoing>);

impl Outbox {
    /// Waits for room. False when the socket is gone.
    pub async fn send(&self, message: Outgoing) -> bool {
        self.0.send(message).await.is_ok()
    }

    /// For answers to what the client just sent. False when it has left a whole queue unread, or is gone.
    pub fn answer(&self, text: String) -> bool {
        self.0.try_send(Outgoing::Text(text)).is_ok()
    }

    /// A ping that finds the queue full is not needed: there is enough to notice that nobody reads.
    pub fn ping(&self) {
        let _ = self.0.try_send(Outgoing::Ping);
    }
}

pub struct Writer {
    pub outbox: Outbox,
    close: Option<oneshot::Sender<Closing>>,
    task: JoinHandle<()>,
}

impl Writer {
    pub fn start(sink: SplitSink<WebSocket, Message>, send_timeout: Duration) -> Writer {
        let (sender, queue) = mpsc::channel(QUEUE);
        let (close, closing) = oneshot::channel();
        let task = tokio::spawn(write(sink, queue, closing, send_timeout));
        Writer { outbox: Outbox(sender), close: Some(close), task }
    }

    /// Ends when the writer has: the client is gone or was too slow.
    pub async fn ended(&mut self) {
        // A panic of the writer ends the socket like any other end.
        let _ = (&mut self.task).await;
    }

    /// Sends the close frame, ahead of what is queued, and waits until it is out.
    pub async fn close(mut self, closing: Closing) {
        if let Some(close) = self.close.take() {
            let _ = close.send(closing);
        }
        let _ = self.task.await;
    }
}

async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: mpsc::Receiver<Outgoing>,
    mut closing: oneshot::Receiver<Closing>,
    send_timeout: Duration,
) {
    // The last position each open operation has been sent.
    let mut cursors: HashMap<String, i64> = HashMap::new();
    loop {
        let message = tokio::select! {
            biased;
            closing = &mut closing => return last_words(&mut sink, closing.ok(), LAST_WORDS).await,
            message = queue.recv() => message,
        };
        let Some(message) = message else { return last_words(&mut sink, None, LAST_WORDS).await };
        let (frame, sent) = match message {
            Outgoing::Text(text) => (Message::Text(text.into()), None),
            Outgoing::Item { text, id, cursor } => (Message::Text(text.into()), Some((id, cursor))),
            Outgoing::Ended { text, id } => {
                cursors.remove(&id);
                (Message::Text(text.into()), None)
            }
            Outgoing::Ping => (Message::Ping(Default::default()), None),
        };
        tokio::select! {
            biased;
            closing = &mut closing => return last_words(&mut sink, closing.ok(), LAST_WORDS).await,
            outcome = tokio::time::timeout(send_timeout, sink.send(frame)) => match outcome {
                Ok(Ok(())) => {
                    if let Some((id, cursor)) = sent {
                        cursors.insert(id, cursor);
                    }
                }
                Ok(Err(_)) => return,
                Err(_) => {
                    metrics::counter!("dyocense_slow_consumers_total").increment(1);
                    // Whoever resumes every operation after the least of them misses nothing.
                    let resume = cursors.values().min().copied();
                    return last_words(&mut sink, Some(Closing::slow_consumer(resume)), send_timeout).await;
                }
            },
        }
    }
}

/// `patience` is how long a client that does not read may take to hear them: one that was too slow has at least the
/// time it was given for an item.
async fn last_words(sink: &mut SplitSink<WebSocket, Message>, closing: Option<Closing>, patience: Duration) {
    let frame = closing.map(|closing| CloseFrame { code: closing.code, reason: closing.reason.into() });
    // The client may be gone already, or never read again.
    let _ = tokio::time::timeout(patience, async {
        sink.send(Message::Close(frame)).await?;
        sink.close().await
    })
    .await;
}

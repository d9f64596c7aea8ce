//! One source's queue and reader: sockets put messages in, a task of its own reads them and hands events on in batches.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hopwatch_ingest::DigestKey;
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::sources::live::Live;
use tokio::sync::mpsc;

use super::hub::{Batch, Hub};
use crate::clock;

/// Messages that wait to be read; each is at most `MAX_MESSAGE_BYTES` long, most are one kilobyte.
const QUEUE: usize = 4096;
/// How long events wait for company: the delay of an alert, at the most.
const GATHER: Duration = Duration::from_secs(1);
/// Events of one batch.
const BATCH: usize = 4096;

/// What is read.
pub(super) enum Message {
    /// A syslog message and its sender.
    Syslog(Vec<u8>, IpAddr),
    /// A genuine RADIUS accounting request.
    Radius(Vec<u8>),
    /// Something that was refused, and why.
    Refused(&'static str),
}

/// The sockets' end of the queue.
#[derive(Clone)]
pub(super) struct Intake {
    messages: mpsc::Sender<Message>,
    overflow: Arc<AtomicU64>,
}

impl Intake {
    pub(super) fn start(name: &str, kind: &'static str, hub: &Hub, key: &DigestKey) -> Self {
        let (messages, queue) = mpsc::channel(QUEUE);
        let overflow = Arc::new(AtomicU64::new(0));
        let reader = Reader {
            live: Live::new(name, key.clone()),
            name: name.to_owned(),
            kind,
            hub: hub.clone(),
            overflow: Arc::clone(&overflow),
            gathered: Collected::default(),
        };
        tokio::spawn(reader.run(queue));
        Self { messages, overflow }
    }

    /// Puts a message in where there is room; else it is lost and counted.
    pub(super) fn offer(&self, message: Message) {
        let _counted = self.try_put(message);
    }

    /// Puts a message in where there is room; false where it was lost, which is counted.
    pub(super) fn try_put(&self, message: Message) -> bool {
        let taken = self.messages.try_send(message).is_ok();
        self.overflow.fetch_add(u64::from(!taken), Ordering::Relaxed);
        taken
    }

    /// Puts a message in, waiting for room; false where the server ends.
    pub(super) async fn put(&self, message: Message) -> bool {
        self.messages.send(message).await.is_ok()
    }
}

struct Reader {
    live: Live,
    name: String,
    kind: &'static str,
    hub: Hub,
    overflow: Arc<AtomicU64>,
    gathered: Collected,
}

impl Reader {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut messages = Vec::new();
        // The health page knows a source before its first message.
        self.flush().await;
        let mut tick = tokio::time::interval(GATHER);
        let mut changed = false;
        loop {
            tokio::select! {
                count = queue.recv_many(&mut messages, 256) => {
                    if count == 0 {
                        return self.flush().await;
                    }
                    messages.drain(..).for_each(|message| self.read(message));
                    changed = true;
                    if self.gathered.events.len() >= BATCH {
                        self.flush().await;
                        changed = false;
                    }
                }
                _ = tick.tick() => {
                    if changed || self.overflow.load(Ordering::Relaxed) > 0 {
                        self.flush().await;
                        changed = false;
                    }
                }
            }
        }
    }

    fn read(&mut self, message: Message) {
        let now = clock::now();
        match message {
            Message::Syslog(bytes, peer) => self.live.syslog(&bytes, peer, now, &mut self.gathered),
            Message::Radius(datagram) => self.live.radius(&datagram, now, &mut self.gathered),
            Message::Refused(reason) => self.live.lost(reason, 1),
        }
    }

    async fn flush(&mut self) {
        let overflow = self.overflow.swap(0, Ordering::Relaxed);
        if overflow > 0 {
            self.live.lost("message came faster than it could be read", overflow);
        }
        let batch = Batch {
            name: self.name.clone(),
            kind: self.kind,
            events: std::mem::take(&mut self.gathered.events),
            counters: self.live.counters().clone(),
            error: None,
        };
        self.hub.send(batch).await;
    }
}

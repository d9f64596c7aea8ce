//! The reading of one file: batches of objects are found one after the other, converted in parallel, and delivered in
//! the file's order.

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;
use std::io::Read;
use std::sync::mpsc::Receiver;

use hopwatch_model::directory::{DeltaKind, DirectoryNode, Properties};
use hopwatch_model::{DirectoryDelta, NodeKind, Timestamp};
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::convert::{Output, element};
use super::kind::{FileKind, Meta};
use super::{Error, Scanner};
use crate::{Counters, Sink};

/// A batch is converted and delivered when it has this many bytes: some thousand objects.
const BATCH_BYTES: usize = 4 << 20;

/// How much is held back, in bytes, while `meta` has not yet told what the objects are; beyond it, the objects tell.
const HELD_BYTES: usize = 64 << 20;

/// How many objects one task converts: enough to pay for the task, few enough to balance.
const TASK_OBJECTS: usize = 256;

/// How many elements are looked at to guess a file's type.
const GUESS_ELEMENTS: usize = 50;

/// How many references are remembered, so as not to be repeated; beyond it, the memory starts anew.
const MAX_REFERENCES: usize = 4 << 20;

/// Elements of a file as raw bytes.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    fn push(&mut self, element: &[u8]) {
        self.bytes.extend_from_slice(element);
        self.ends.push(self.bytes.len());
    }

    fn elements(&self) -> Vec<&[u8]> {
        let mut start = 0;
        let slice = |end: &usize| {
            let element = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            element
        };
        self.ends.iter().map(slice).collect()
    }
}

fn converted(kind: FileKind, batch: &Batch) -> Converted {
    let elements = batch.elements();
    let outputs = elements.par_chunks(TASK_OBJECTS).map(|chunk| {
        let mut out = Output::default();
        for bytes in chunk {
            element(kind, bytes, &mut out);
        }
        out
    });
    Converted { elements: u64::try_from(elements.len()).unwrap_or(u64::MAX), outputs: outputs.collect() }
}

/// A file being read.
pub(crate) struct Load<'s> {
    name: &'s str,
    time: Timestamp,
    sink: &'s mut dyn Sink,
    counters: &'s mut Counters,
    kind: Option<FileKind>,
    guessed: bool,
    held: Vec<Batch>,
    held_bytes: usize,
    referenced: FxHashSet<u64>,
    gaps: BTreeMap<&'static str, u64>,
    /// Batches that are being converted while the next ones are looked for, in the file's order.
    converting: VecDeque<Receiver<Converted>>,
}

/// What became of a batch.
struct Converted {
    elements: u64,
    outputs: Vec<Output>,
}

impl<'s> Load<'s> {
    /// A file of this name, collected at this time.
    pub(crate) fn new(name: &'s str, time: Timestamp, sink: &'s mut dyn Sink, counters: &'s mut Counters) -> Self {
        Self {
            name,
            time,
            sink,
            counters,
            kind: None,
            guessed: false,
            held: Vec::new(),
            held_bytes: 0,
            referenced: FxHashSet::default(),
            gaps: BTreeMap::new(),
            converting: VecDeque::new(),
        }
    }

    /// Reads the file; what it holds back at an error, [`Load::finish`] delivers.
    pub(crate) fn file<R: Read>(&mut self, scanner: &mut Scanner<R>) -> Result<(), Error> {
        scanner.expect(b'{')?;
        let mut known = false;
        let mut named = None;
        while let Some(key) = scanner.key()? {
            match key.to_ascii_lowercase().as_str() {
                "meta" => {
                    known = true;
                    named = Some(self.meta(scanner.value()?)?);
                }
                "data" => {
                    known = true;
                    self.data(scanner)?;
                }
                "graph" => {
                    known = true;
                    crate::directory::opengraph::graph(scanner, self)?;
                }
                _ => {
                    scanner.value()?;
                }
            }
        }
        if !known {
            return Err(Error::Foreign);
        }
        if self.kind.is_none() && !self.held.is_empty() {
            self.guess();
            if self.kind.is_none() {
                return Err(Error::UnknownType { found: named.unwrap_or_default() });
            }
        }
        Ok(())
    }

    /// Takes `meta` and gives back the type's name.
    fn meta(&mut self, bytes: &[u8]) -> Result<String, Error> {
        let meta: Meta<'_> = serde_json::from_slice(bytes).unwrap_or_default();
        let found = meta.kind.as_str().to_owned();
        if !meta.supported() {
            self.held.clear();
            return Err(Error::UnsupportedVersion { found: meta.version.0.unwrap_or_default() });
        }
        let named = meta.file_kind();
        match (self.kind, named) {
            (Some(taken), Some(named)) if self.guessed && taken != named => return Err(Error::TypeMismatch { found }),
            (None, Some(named)) => self.kind = Some(named),
            (_, None) if !found.is_empty() => {
                self.held.clear();
                return Err(Error::UnknownType { found });
            }
            _ => {}
        }
        for batch in std::mem::take(&mut self.held) {
            self.convert(batch);
        }
        Ok(found)
    }

    fn data<R: Read>(&mut self, scanner: &mut Scanner<R>) -> Result<(), Error> {
        // A collector that found nothing may write `null`; anything else there is no list of objects.
        if scanner.peek()? == Some(b'n') {
            scanner.value()?;
            return Ok(());
        }
        scanner.expect(b'[')?;
        let mut batch = Batch::default();
        let result = loop {
            match scanner.element() {
                Ok(Some(element)) => batch.push(element),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if batch.bytes.len() >= BATCH_BYTES {
                self.batch(std::mem::take(&mut batch));
            }
        };
        self.batch(batch);
        result
    }

    fn batch(&mut self, batch: Batch) {
        if batch.ends.is_empty() {
            return;
        }
        if self.kind.is_some() {
            self.convert(batch);
            return;
        }
        self.held_bytes += batch.bytes.len();
        self.held.push(batch);
        if self.held_bytes > HELD_BYTES {
            self.guess();
        }
    }

    /// Takes the type from the objects themselves, else from the file's name, and delivers what was held back.
    fn guess(&mut self) {
        let elements = self.held.iter().flat_map(Batch::elements).take(GUESS_ELEMENTS);
        self.kind = elements.filter_map(FileKind::of_element).next().or_else(|| FileKind::of_file_name(self.name));
        self.guessed = true;
        if self.kind.is_some() {
            for batch in std::mem::take(&mut self.held) {
                self.convert(batch);
            }
            self.held_bytes = 0;
        }
    }

    fn convert(&mut self, batch: Batch) {
        let Some(kind) = self.kind else { return };
        if rayon::current_thread_index().is_some() {
            // A task that waits for another one would hold up the pool: small files are loaded in tasks.
            self.take(converted(kind, &batch));
            return;
        }
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        rayon::spawn(move || {
            // Whoever waited has given up where nobody receives.
            drop(sender.send(converted(kind, &batch)));
        });
        self.converting.push_back(receiver);
        if self.converting.len() > rayon::current_num_threads() {
            self.take_next();
        }
    }

    fn take_next(&mut self) {
        if let Some(receiver) = self.converting.pop_front() {
            match receiver.recv() {
                Ok(converted) => self.take(converted),
                Err(_) => self.counters.drop("objects whose conversion failed"),
            }
        }
    }

    fn take(&mut self, converted: Converted) {
        self.counters.read += converted.elements;
        self.deliver(converted.outputs);
    }

    /// Delivers what became of some elements as one delta.
    pub(crate) fn deliver(&mut self, outputs: Vec<Output>) {
        let mut delta = DirectoryDelta {
            time: self.time,
            source: self.name.to_owned(),
            kind: DeltaKind::Merge,
            ..DirectoryDelta::default()
        };
        let hasher = FxBuildHasher;
        delta.edges.reserve_exact(outputs.iter().map(|out| out.edges.len()).sum());
        for out in outputs {
            for node in &out.nodes {
                self.referenced.insert(hasher.hash_one((&node.id, NodeKind::Base)));
            }
            for (id, kind) in out.references {
                if self.referenced.len() > MAX_REFERENCES {
                    self.referenced.clear();
                }
                let whole = self.referenced.contains(&hasher.hash_one((&id, NodeKind::Base)));
                if !whole && self.referenced.insert(hasher.hash_one((&id, kind))) {
                    delta.nodes.push(DirectoryNode { id, kind, properties: Properties::new() });
                }
            }
            delta.nodes.extend(out.nodes);
            delta.edges.extend(out.edges);
            delta.removed.extend(out.removed);
            self.counters.add(&out.counters);
            for (what, count) in out.gaps {
                *self.gaps.entry(what).or_default() += count;
            }
        }
        self.sink.directory(delta);
    }

    /// Delivers what is still held back, and the gaps.
    pub(crate) fn finish(&mut self) {
        if self.kind.is_none() && !self.held.is_empty() {
            self.guess();
        }
        while !self.converting.is_empty() {
            self.take_next();
        }
        let lost: usize = self.held.iter().map(|batch| batch.ends.len()).sum();
        for _ in 0..lost {
            self.counters.drop("object of a file of unknown type");
        }
        if !self.gaps.is_empty() {
            self.sink.directory(DirectoryDelta {
                time: self.time,
                source: self.name.to_owned(),
                gaps: self.gaps.iter().map(|(what, count)| format!("{}: {count} {what}", self.name)).collect(),
                ..DirectoryDelta::default()
            });
        }
    }
}

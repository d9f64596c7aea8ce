//! Every event log and every event JSON of the corpus opens: nothing panics, each bad record has a reason, and the number of
//! records is the one that the decoder itself sees.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs::File;
use std::path::{Path, PathBuf};

use evtx::EvtxParser;
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::counters::Counters;
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::sources::{Context, evtx as source};

fn corpus() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let path = std::env::var_os("HOPWATCH_CORPUS").map_or(default, PathBuf::from);
    path.is_dir().then_some(path)
}

fn files(folder: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, extension, into);
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)) {
            into.push(path);
        }
    }
}

#[test]
fn every_event_log_opens_and_no_record_is_lost_without_a_reason() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no corpus");
        return;
    };
    let mut logs = Vec::new();
    files(&corpus.join("evtx"), "evtx", &mut logs);
    assert!(!logs.is_empty());
    let key = DigestKey::one_shot();
    let mut total = Counters::default();
    let mut kinds = std::collections::BTreeMap::<&'static str, u64>::new();
    for log in logs {
        let mut sink = Collected::default();
        let mut context = Context::new(&log.to_string_lossy(), &key, 1, &mut sink);
        source::read(File::open(&log).unwrap(), &mut context)
            .unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let counters = context.counters;
        let seen = EvtxParser::from_path(&log).unwrap().records().count();
        assert_eq!(counters.read, u64::try_from(seen).unwrap(), "{}", log.display());
        let ignored: u64 = counters.ignored.values().sum();
        let dropped: u64 = counters.dropped.values().sum();
        assert!(counters.events + ignored + dropped >= counters.read, "{}", log.display());
        assert_eq!(counters.events, u64::try_from(sink.events.len()).unwrap());
        for event in &sink.events {
            assert!(event.time.as_secs() > 0, "{event:?}");
            *kinds.entry(event.activity.name()).or_default() += 1;
        }
        if dropped > 0 {
            eprintln!("{}: {:?}", log.display(), counters.dropped);
        }
        total.add(&counters);
    }
    eprintln!("{total:#?}\n{kinds:#?}");
}

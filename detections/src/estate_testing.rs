//! For tests of rules that read the graph as it changes: the same order as the live pipeline (the estate first, then a
//! fresh snapshot, then the detections).

use hopwatch_graph::{Config, Estate, Mode as DeriveMode};
use hopwatch_model::directory::Properties;
use hopwatch_model::{Alert, DirectoryDelta, DirectoryEdge, EdgeKind, Event};

use crate::engine::{Engine, Settings};
use crate::frame::{Mode, Sensitivity};
use crate::testing::{DOMAIN, directory};

/// The test estate with further edges between accounts of its domain, by RID; 0 is the domain itself.
pub(crate) fn with_edges(edges: &[(u32, EdgeKind, u32)]) -> DirectoryDelta {
    let id = |rid: u32| if rid == 0 { DOMAIN.to_owned() } else { format!("{DOMAIN}-{rid}") };
    let mut delta = directory();
    delta.edges.extend(edges.iter().map(|(source, kind, target)| DirectoryEdge {
        source: id(*source),
        kind: *kind,
        target: id(*target),
        properties: Properties::new(),
    }));
    delta
}

/// Runs one detection over an estate that takes in history and events too; `later` is a directory sync after the events.
pub(crate) fn live(
    slug: &str,
    delta: &DirectoryDelta,
    history: &[Event],
    events: &[Event],
    later: Option<&DirectoryDelta>,
) -> Vec<Alert> {
    let disabled = crate::ALL.iter().map(|factory| factory.meta().slug).filter(|other| *other != slug);
    let settings = Settings { disabled: disabled.map(String::from).collect(), ..Settings::default() };
    let mut engine = Engine::new(&settings).unwrap();
    let mut estate = Estate::new(Config::default());
    estate.apply(delta);
    for (events, mode) in [(history, Mode::Learning), (events, Mode::Judging)] {
        for event in events {
            estate.observe(event);
            estate.derive(DeriveMode::Ours);
            engine.observe(event, &estate.snapshot(None), mode);
        }
    }
    if let Some(later) = later {
        estate.apply(later);
    }
    estate.derive(DeriveMode::Ours);
    engine.finish(&estate.snapshot(None), Mode::Judging);
    let state = engine.save().unwrap();
    let mut restored = Engine::new(&Settings { sensitivity: Sensitivity::High, ..settings }).unwrap();
    restored.restore(state.clone()).unwrap();
    assert_eq!(restored.save().unwrap(), state, "a saved state restores to itself");
    engine.alerts().into_iter().cloned().collect()
}

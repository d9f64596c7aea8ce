//! Habits: a detection that would fire on the first sight of an act stays silent where the same actor did the same while
//! learning.

use hopwatch_ml::bounded::Table;
use hopwatch_model::Event;
use serde::{Deserialize, Serialize};

use crate::frame::{Mode, Preset, Sensitivity, Verdicts};

/// The most habits remembered by one detection; the one unused for longest goes.
const HABITS: usize = 20_000;

/// The threshold of such a detection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Habit {
    /// How often the act must have been seen while learning to be a habit.
    pub usual_times: u32,
}

impl Preset for Habit {
    fn preset(sensitivity: Sensitivity) -> Self {
        let usual_times = match sensitivity {
            Sensitivity::High => 1,
            Sensitivity::Medium => 3,
            Sensitivity::Low => u32::MAX,
        };
        Self { usual_times }
    }
}

/// Acts seen while learning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Habits {
    seen: Table<u32>,
}

impl Default for Habits {
    fn default() -> Self {
        Self { seen: Table::new(HABITS) }
    }
}

impl Habits {
    /// True where the act is not to be judged: it is learned from now, or was a habit before, which is remembered as the
    /// reason of the silence.
    pub fn usual(&mut self, config: &Habit, key: &str, event: &Event, mode: Mode, verdicts: &mut Verdicts) -> bool {
        if mode == Mode::Learning {
            let count = self.seen.entry(key, || 0);
            *count = count.saturating_add(1);
            return true;
        }
        let usual = self.seen.get(key).is_some_and(|count| *count >= config.usual_times);
        if usual {
            verdicts.decline(event.time, key, "the same was seen while learning");
        }
        usual
    }

    /// How many it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.seen.len()
    }
}

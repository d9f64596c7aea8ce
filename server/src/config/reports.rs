//! `[reports]`: when reports are written, and how long they are kept.

use serde::{Deserialize, Serialize};

use super::Error;

/// A report that is written by the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The report: `risk`.
    pub name: String,
    /// When, as a cron line of five fields in UTC: `0 6 * * 1` is Monday at 06:00.
    pub cron: String,
}

/// When reports are written, and how many are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reports {
    /// What is written by the clock.
    pub schedules: Vec<Schedule>,
}

impl Default for Reports {
    fn default() -> Self {
        Self { schedules: vec![Schedule { name: "risk".into(), cron: "0 6 * * 1".into() }] }
    }
}

impl Reports {
    pub(super) fn check(&self) -> Result<(), Error> {
        for schedule in &self.schedules {
            let fault = |reason: String| Error::Value {
                key: "reports.schedules".into(),
                reason: format!("{} at `{}`: {reason}", schedule.name, schedule.cron),
            };
            if !crate::reports::NAMES.contains(&schedule.name.as_str()) {
                return Err(fault("there is no such report".into()));
            }
            crate::scheduler::parse(&schedule.cron).map_err(|error| fault(error.to_string()))?;
        }
        Ok(())
    }
}

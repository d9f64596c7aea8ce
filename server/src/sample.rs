//! The sample estate: a week of a small domain that ends with an intrusion, carried in the binary. Its times are moved by
//! whole days, so that the week ends within the last day and office hours stay office hours.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hopwatch_model::{Activity, Event, Timestamp};
use rust_embed::RustEmbed;
use serde::Deserialize;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

#[derive(RustEmbed)]
#[folder = "sample/"]
struct Files;

/// The story of the week, as `story.json` tells it.
#[derive(Debug, Deserialize)]
pub struct Story {
    /// The directory's file.
    pub directory: String,
    /// When the directory was collected.
    pub directory_at: String,
    /// What happened, in order of time.
    pub acts: Vec<Act>,
}

/// One act of the story.
#[derive(Debug, Deserialize)]
pub struct Act {
    /// When it began.
    pub time: String,
    /// Its capture or log.
    pub file: String,
    /// The audit logs of the same time.
    #[serde(default)]
    pub audit: Vec<String>,
    /// What must be detected.
    #[serde(default)]
    pub expect: Vec<String>,
}

/// The sample in a folder, and by how much its times are moved.
pub struct Sample {
    /// The folder.
    pub folder: PathBuf,
    /// The story.
    pub story: Story,
    shift_micros: i64,
}

impl Sample {
    /// Unpacks the sample into a folder and reads its story; its last act then lies within the day before `now`.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn unpack(folder: &Path, now: Timestamp) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        for name in Files::iter() {
            let Some(file) = Files::get(&name) else { continue };
            let path = folder.join(&*name);
            fs::write(&path, file.data).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        let story = fs::read(folder.join("story.json"))?;
        let story: Story = serde_json::from_slice(&story).context("the story of the sample cannot be read")?;
        let last =
            story.acts.iter().filter_map(|act| time(&act.time)).max().context("the story of the sample is empty")?;
        // The last act takes a while; three hours later it is over.
        let end = last.as_micros() + DAY / 8;
        let shift_micros = (now.as_micros() - end).div_euclid(DAY) * DAY;
        Ok(Self { folder: folder.to_owned(), story, shift_micros })
    }

    /// The path of one of its files.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// When the directory was collected, moved.
    #[must_use]
    pub fn directory_at(&self) -> Timestamp {
        time(&self.story.directory_at).unwrap_or_default().shifted(self.shift_micros)
    }

    /// When the first act begins that must be detected, moved: what lies before is history to learn from.
    #[must_use]
    pub fn judged_from(&self) -> Timestamp {
        let first = self.story.acts.iter().filter(|act| !act.expect.is_empty()).filter_map(|act| time(&act.time)).min();
        let first = first.unwrap_or(Timestamp::MAX);
        // The day of the first act begins ordinary, and is watched from its morning on.
        Timestamp::from_secs(first.day() * 86_400).shifted(self.shift_micros)
    }

    /// Moves the times of an event.
    pub fn shift(&self, event: &mut Event) {
        event.time = event.time.shifted(self.shift_micros);
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.till = exchange.till.map(|till| till.shifted(self.shift_micros));
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_ends_within_the_last_day_and_keeps_its_hours() {
        let folder = tempfile::tempdir().unwrap();
        let now = time("2031-03-04T05:06:07Z").unwrap();
        let sample = Sample::unpack(folder.path(), now).unwrap();
        let last = sample.story.acts.iter().filter_map(|act| time(&act.time)).max().unwrap();
        let moved = last.shifted(sample.shift_micros);
        assert!(moved < now && now.since(moved).as_secs() < 28 * 3600);
        assert_eq!(moved.hour(), last.hour());
        assert!(sample.judged_from() < moved);
    }
}

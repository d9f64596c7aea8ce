//! The truth of a labelled recording: which accesses an intruder made, in which campaign, and when the test begins.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Seconds of a day.
pub const DAY: i64 = 86_400;
/// Seconds of an hour: accesses are counted once an hour (LMDEval's unit).
pub const HOUR: i64 = 3600;

/// A campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrueCampaign {
    /// Its kind, `all` where the truth names none.
    pub kind: String,
    /// Its accesses: time in seconds, credential, source, target.
    pub edges: BTreeSet<(i64, String, String, String)>,
}

/// What a recording's labels say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Campaigns by their number.
    pub campaigns: BTreeMap<u64, TrueCampaign>,
    /// The first second of the test.
    pub test_from: i64,
    hours: BTreeMap<(i64, String, String, String), BTreeSet<u64>>,
}

/// Why labels cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line of the red-team file is not `time,user,source,target`.
    #[error("line {line} of the red-team file is not `time,user,source,target`")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// The red-team file names nothing.
    #[error("the red-team file has no events: there is nothing to find")]
    Empty,
    /// The truth file does not fit.
    #[error("the truth file cannot be read")]
    Truth(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    train_days: Option<i64>,
    #[serde(default)]
    campaigns: Vec<FileCampaign>,
}

#[derive(Deserialize)]
struct FileCampaign {
    id: u64,
    #[serde(default)]
    kind: String,
    edges: Vec<(i64, String, String, String)>,
}

impl Truth {
    /// The truth of a red-team file and, where there is one, a truth file (`train_days`, `campaigns[].{id,kind,edges}`).
    /// Without one, what one source host does in a day is a campaign, and the test begins at the hour of the first event.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(red: &str, truth: Option<&str>) -> Result<Self, Error> {
        let mut all = Vec::new();
        for (number, line) in red.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let fields: Vec<&str> = line.trim().split(',').collect();
            let (Some(Ok(time)), [_, user, source, target]) = (fields.first().map(|t| t.parse::<i64>()), &fields[..])
            else {
                return Err(Error::Line { line: number + 1 });
            };
            all.push((time, (*user).to_owned(), (*source).to_owned(), (*target).to_owned()));
        }
        let first = all.iter().map(|edge| edge.0).min().ok_or(Error::Empty)?;
        let file = truth.map(serde_json::from_str::<File>).transpose()?;
        let days = file.as_ref().and_then(|file| file.train_days);
        let mut campaigns: BTreeMap<u64, TrueCampaign> = BTreeMap::new();
        match file.filter(|file| !file.campaigns.is_empty()) {
            Some(file) => {
                for campaign in file.campaigns {
                    let kind = if campaign.kind.is_empty() { String::from("all") } else { campaign.kind };
                    campaigns.insert(campaign.id, TrueCampaign { kind, edges: campaign.edges.into_iter().collect() });
                }
            }
            None => {
                let mut numbers = BTreeMap::new();
                for edge in all {
                    let next = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
                    let id = *numbers.entry((edge.2.clone(), edge.0.div_euclid(DAY))).or_insert(next);
                    let campaign = campaigns.entry(id).or_default();
                    campaign.kind = "all".into();
                    campaign.edges.insert(edge);
                }
            }
        }
        let mut hours: BTreeMap<_, BTreeSet<u64>> = BTreeMap::new();
        for (id, campaign) in &campaigns {
            for (time, user, source, target) in &campaign.edges {
                let key = (time.div_euclid(HOUR), user.clone(), source.clone(), target.clone());
                hours.entry(key).or_default().insert(*id);
            }
        }
        let test_from = days.map_or(first.div_euclid(HOUR) * HOUR, |days| days * DAY);
        Ok(Self { campaigns, test_from, hours })
    }

    /// The campaigns to which an access belongs, by hour.
    #[must_use]
    pub fn of(&self, time: i64, user: &str, source: &str, target: &str) -> Option<&BTreeSet<u64>> {
        self.hours.get(&(time.div_euclid(HOUR), user.to_owned(), source.to_owned(), target.to_owned()))
    }

    /// The first second of the first labelled access.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.campaigns.values().flat_map(|campaign| &campaign.edges).map(|edge| edge.0).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_truth_file_a_source_and_day_is_a_campaign() {
        let truth = Truth::read("7200,U1,C1,C2\n7300,U2,C1,C3\n90000,U1,C1,C2\n", None).unwrap();
        assert_eq!(truth.campaigns.len(), 2);
        assert_eq!(truth.test_from, 7200);
        assert!(truth.of(7999, "U1", "C1", "C2").is_some() && truth.of(11_000, "U1", "C1", "C2").is_none());
    }

    #[test]
    fn a_truth_file_gives_kinds_and_the_split() {
        let file =
            r#"{"train_days":14,"campaigns":[{"id":3,"kind":"chain","edges":[[1300000,"U1","C1","C2"]]}],"x":1}"#;
        let truth = Truth::read("1300000,U1,C1,C2\n", Some(file)).unwrap();
        assert_eq!(truth.test_from, 14 * DAY);
        assert_eq!(truth.campaigns[&3].kind, "chain");
    }

    #[test]
    fn broken_labels_are_refused() {
        assert!(matches!(Truth::read("a,b\n", None), Err(Error::Line { line: 1 })));
        assert!(matches!(Truth::read("\n", None), Err(Error::Empty)));
        assert!(matches!(Truth::read("1,U,C,D\n", Some("{")), Err(Error::Truth(_))));
    }
}

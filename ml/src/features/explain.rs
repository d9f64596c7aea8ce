//! A score in words: each reason with the entity's own baseline, and its peers', beside it.

use hopwatch_model::alert::ScorePart;

use crate::models::Logistic;
use crate::peers::PeerUse;
use crate::priors::Prior;
use crate::scorer::Score;
use crate::store::Store;
use crate::store::tally::{Minute, Tally};

use super::NAMES;

/// What is said beside the features.
#[derive(Clone, Copy, Debug, Default)]
pub struct Background<'a> {
    /// The linear model, which says what each feature adds.
    pub model: Option<&'a Logistic>,
    /// What the directory says.
    pub prior: Prior,
    /// How many peers use the target.
    pub peers: Option<PeerUse>,
    /// Days of history.
    pub days: u32,
}

/// The reasons of a score, the weightiest first.
#[must_use]
pub fn reasons(store: &Store, score: &Score, background: &Background<'_>) -> Vec<ScorePart> {
    let seen = &score.seen;
    let (user, source, target) =
        (store.user_names.name(seen.user), store.place_names.name(seen.source), store.place_names.name(seen.target));
    let now = seen.minute();
    let sight = &score.sight;
    let days = background.days;
    let mut parts = vec![
        pair("user-target-rarity", sight.user_target, now, days, &format!("{user} reaches {target}"), &{
            let known = store.user(seen.user).targets;
            format!("the account reaches {known} other hosts")
        }),
        pair("user-source-rarity", sight.user_source, now, days, &format!("{user} is used from {source}"), &{
            let known = store.user(seen.user).sources;
            format!("the account is used from {known} other hosts")
        }),
        pair("source-target-rarity", sight.source_target, now, days, &format!("{source} reaches {target}"), &{
            let known = store.place(seen.source).targets;
            format!("the host reaches {known} others")
        }),
    ];
    if let Some(cause) = sight.cause.filter(|cause| *cause != seen.user) {
        let times = store.switch.get((cause, seen.user)).times;
        let cause = store.user_names.name(cause);
        parts.push((
            "first-switch",
            format!("{source} is worked on by {cause}, who used the credential of {user} {} before", often(times)),
        ));
    }
    if let Some(peers) = background.peers {
        parts.push(("peer-share", format!("{} of {} peers of {user} use {target}", peers.using, peers.peers)));
    }
    match background.prior.granted {
        Some(true) => parts.push(("not-granted", format!("the directory grants {user} rights on {target}"))),
        Some(false) => parts.push(("not-granted", format!("the directory grants {user} no rights on {target}"))),
        None => {}
    }
    if background.prior.nearer > 0.0 || background.prior.tier_zero {
        let near = if background.prior.tier_zero { "is Tier Zero" } else { "is nearer to Tier Zero than the source" };
        parts.push(("nearer-tier-zero", format!("{target} {near}")));
    }
    let shown = |name: &str, least: f32| sight.feature(name) >= least;
    if shown("inbound-surprise", 8.0) {
        let text = format!("{source} was itself reached by an unusual logon within the day before");
        parts.push(("inbound-surprise", text));
    }
    if shown("cause-reached-source", 0.3) {
        parts.push(("cause-reached-source", format!("who acts had logged on to {source} shortly before")));
    }
    for (name, whose) in
        [("source-fan-out", "from this host within the hour"), ("user-fan-out", "by this account in a day")]
    {
        if shown(name, 2.0) {
            parts.push((name, format!("{:.0} other first-time accesses {whose}", sight.feature(name))));
        }
    }
    if shown("proof-rarity", 2.0) {
        parts.push(("proof-rarity", format!("{user} rarely proves itself this way")));
    }
    if shown("hour-rarity", 3.5) {
        parts.push(("hour-rarity", format!("{user} is rarely active at {}:00 UTC", seen.hour())));
    }
    weighed(parts, score, background.model)
}

type Text = (&'static str, String);

fn pair(name: &'static str, tally: Tally, now: Minute, days: u32, what: &str, else_known: &str) -> Text {
    let text = if tally.times == 0 {
        format!("{what} for the first time in {days} days before this one; {else_known}")
    } else {
        let last = now.saturating_sub(tally.last) / 1440;
        format!("{what}: {} before, last {} ago; {else_known}", often(tally.times), span(last))
    };
    (name, text)
}

fn often(times: u32) -> String {
    match times {
        0 => "never".into(),
        1 => "once".into(),
        _ => format!("{times} times"),
    }
}

fn span(days: u32) -> String {
    match days {
        0 => "less than a day".into(),
        1 => "a day".into(),
        _ => format!("{days} days"),
    }
}

/// Contribution: what the linear model adds for the feature, or the rarity itself while there is no model.
fn weighed(texts: Vec<Text>, score: &Score, model: Option<&Logistic>) -> Vec<ScorePart> {
    let added = model.map(|model| model.parts(&score.sight.row));
    let place = |name: &str| NAMES.iter().position(|known| *known == name);
    let part = |(name, text): Text| {
        let value = f64::from(score.sight.feature(name));
        let contribution = match (&added, place(name)) {
            (Some(added), Some(place)) => added.get(place).copied().map_or(0.0, f64::from),
            _ => value,
        };
        ScorePart { name: name.into(), value, contribution, text }
    };
    let mut parts: Vec<ScorePart> = texts.into_iter().map(part).collect();
    parts.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    parts
}

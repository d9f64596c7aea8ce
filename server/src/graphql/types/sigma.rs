//! Sigma rules that users brought, and what they would have found.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use hopwatch_detections::sigma::{Reach, Rule, RuleSet};

use super::alert::Severity;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::request::state;
use crate::graphql::time::DateTime;
use crate::sigma;
use crate::store::StoredRule;

/// Whether the events that are kept can show what a rule looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SigmaReach {
    /// They can.
    Whole,
    /// Only in part: some fields are never there.
    Partial,
    /// They cannot.
    Blind,
    /// The rule no longer compiles.
    Broken,
}

/// A Sigma rule.
pub struct SigmaRule {
    stored: StoredRule,
    rule: Option<Rule>,
}

impl SigmaRule {
    pub(crate) fn new(stored: StoredRule) -> Self {
        let rule = Rule::parse(&stored.yaml).into_iter().find_map(Result::ok);
        Self { stored, rule }
    }
}

/// A Sigma rule.
#[Object]
impl SigmaRule {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.stored.id.clone())
    }

    /// The `detection` of its alerts.
    async fn slug(&self) -> String {
        format!("{}{}", hopwatch_detections::RULE_PREFIX, self.stored.id)
    }

    /// Its title.
    async fn title(&self) -> &str {
        &self.stored.title
    }

    /// What it says of itself.
    async fn description(&self) -> &str {
        self.rule.as_ref().map_or("", |rule| &rule.description)
    }

    /// How bad a hit is.
    async fn severity(&self) -> Option<Severity> {
        self.rule.as_ref().map(|rule| rule.severity.into())
    }

    /// ATT&CK technique ids.
    async fn techniques(&self) -> Vec<String> {
        self.rule.as_ref().map(|rule| rule.techniques.clone()).unwrap_or_default()
    }

    /// Whether it is matched.
    async fn enabled(&self) -> bool {
        self.stored.enabled
    }

    /// Whether the events that are kept can show what it looks for.
    async fn reach(&self) -> SigmaReach {
        match self.rule.as_ref().map(|rule| &rule.reach) {
            Some(Reach::Whole) => SigmaReach::Whole,
            Some(Reach::Partial(_)) => SigmaReach::Partial,
            Some(Reach::Blind(_)) => SigmaReach::Blind,
            None => SigmaReach::Broken,
        }
    }

    /// What it cannot see, in words; null where it sees all.
    async fn blind_spot(&self) -> Option<String> {
        match self.rule.as_ref().map(|rule| &rule.reach)? {
            Reach::Whole => None,
            Reach::Partial(fields) => Some(format!("fields that no event keeps: {}", fields.join(", "))),
            Reach::Blind(why) => Some(why.clone()),
        }
    }

    /// Its text.
    async fn yaml(&self) -> &str {
        &self.stored.yaml
    }

    /// Who brought it.
    async fn added_by(&self) -> &str {
        &self.stored.added_by
    }

    /// When.
    async fn added_at(&self) -> DateTime {
        DateTime(self.stored.added_at)
    }
}

/// A rule that was refused.
#[derive(Clone, Debug, SimpleObject)]
pub struct SigmaRefusal {
    /// Its title; empty where it could not be read.
    pub title: String,
    /// Why.
    pub reason: String,
}

/// What became of a text of rules.
#[derive(SimpleObject)]
pub struct SigmaTaken {
    /// Rules that are kept now.
    pub rules: Vec<SigmaRule>,
    /// Rules that were refused.
    pub refused: Vec<SigmaRefusal>,
}

/// Hits of a day.
#[derive(Clone, Debug, SimpleObject)]
pub struct SigmaDay {
    /// The beginning of the day in UTC.
    pub day: DateTime,
    /// How many events of it the rule hit.
    pub hits: u64,
}

/// What a rule would have found.
#[derive(Clone, Debug, SimpleObject)]
pub struct SigmaBacktest {
    /// The rule's id.
    pub id: ID,
    /// Its title.
    pub title: String,
    /// All hits.
    pub hits: u64,
    /// Hits by day; days without any are left out.
    pub days: Vec<SigmaDay>,
    /// Ids of the first events that it hit.
    pub samples: Vec<ID>,
    /// Events that were read for it.
    pub events: u64,
    /// Those of them that come from a Windows log.
    pub records: u64,
}

/// Holds the rules of a text, or a stored rule, against the stored events.
pub(crate) async fn backtest(
    ctx: &Context<'_>,
    id: Option<ID>,
    yaml: Option<String>,
    since: Option<DateTime>,
    until: Option<DateTime>,
) -> ApiResult<Vec<SigmaBacktest>> {
    let state = state(ctx)?;
    let text = match (id, yaml) {
        (Some(id), None) => {
            let stored = state.store.rules().await?.into_iter().find(|stored| stored.id == *id);
            stored.ok_or_else(|| ApiError::missing("rule", &id))?.yaml
        }
        (None, Some(yaml)) => yaml,
        _ => return Err(ApiError::BadInput("give either a rule's `id` or a text as `yaml`".into())),
    };
    let (taken, _) = sigma::read(&text);
    if let Some((title, reason)) = taken.refused.first() {
        return Err(ApiError::BadInput(format!("{title}: {reason}")));
    }
    let rules = RuleSet::new(taken.rules).map_err(|error| ApiError::BadInput(error.to_string()))?;
    let (since, until) = (since.map(|time| time.0), until.map(|time| time.0));
    let found = sigma::backtest(state.events.as_ref(), &rules, since, until).await?;
    let one = |test: sigma::Backtest| SigmaBacktest {
        id: ID(test.id),
        title: test.title,
        hits: test.hits,
        days: test.days.into_iter().map(|(day, hits)| SigmaDay { day: DateTime(day), hits }).collect(),
        samples: test.samples.into_iter().map(ID).collect(),
        events: found.events,
        records: found.records,
    };
    Ok(found.rules.into_iter().map(one).collect())
}

//! What a scorer promises: equal after a restart, nothing learned of what was alerted, numbers for any input.

use hopwatch_model::Timestamp;

use super::*;
use crate::priors::Unknown;
use crate::random::Random;

const DAY: i64 = 86_400;

fn access(time: i64, user: usize, target: &str, source: &str) -> Access<'static> {
    Access {
        time: Timestamp::from_secs(time),
        user: format!("u{user}").into(),
        by: None,
        source: source.to_owned().into(),
        target: target.to_owned().into(),
        proof: Proof::Kerberos,
        reach: Reach::Network,
    }
}

fn days(from: i64, to: i64) -> Vec<Access<'static>> {
    let mut random = Random::new(9);
    let mut all = Vec::new();
    for day in from..to {
        for user in 0..60 {
            for _ in 0..12 {
                let time = day * DAY + 30_000 + i64::try_from(random.below(30_000)).unwrap();
                let target = if random.chance(0.01) { random.below(40) } else { (user % 8) * 5 + random.below(5) };
                all.push(access(time, user, &format!("srv{target}"), &format!("ws{user}")));
            }
        }
    }
    all.sort_by_key(|access| access.time);
    all
}

fn small() -> Scorer {
    Scorer::new(Config { rows: 2000, ..Config::default() })
}

fn trained() -> Scorer {
    let mut scorer = small();
    assert!(days(0, 12).iter().filter_map(|access| scorer.access(access, &Unknown)).count() > 0);
    assert!(scorer.models().is_some());
    scorer
}

#[test]
fn a_restored_scorer_gives_equal_scores_and_trains_equal_models() {
    let mut scorer = trained();
    let text = serde_json::to_value(&scorer).unwrap().to_string();
    let mut restored: Scorer = serde_json::from_str(&text).unwrap();
    for access in days(12, 17) {
        let (a, b) = (scorer.access(&access, &Unknown), restored.access(&access, &Unknown));
        assert_eq!(a, b);
    }
    assert_eq!(serde_json::to_string(&scorer).unwrap(), serde_json::to_string(&restored).unwrap());
}

#[test]
fn what_was_alerted_never_becomes_a_habit() {
    let mut scorer = trained();
    for day in 0..6 {
        let again = access((12 + day) * DAY, 3, "srv38", "ws50");
        let score = scorer.judge(&again, &Unknown).unwrap();
        assert_eq!(score.sight.user_target.times, 0, "day {day}");
        scorer.learn(&score, &Unknown, Known::Alerted);
    }
}

#[test]
fn a_stolen_credential_stands_out_of_every_habit() {
    let mut scorer = trained();
    let day = days(12, 13);
    let most = day.iter().filter_map(|access| scorer.access(access, &Unknown)).map(|score| score.value());
    let usual = most.fold(f64::MIN, f64::max);
    let theft = scorer.access(&access(13 * DAY, 3, "srv38", "ws50"), &Unknown).unwrap();
    assert!(theft.value() > usual, "{} against {usual}", theft.value());
    assert!(!scorer.explain(&theft, &Unknown).is_empty());
}

#[test]
fn what_the_models_do_not_see_does_not_count() {
    let mut scorer = Scorer::new(Config { without: vec!["ntlm".into()], rows: 2000, ..Config::default() });
    let mut seen = access(0, 1, "srv1", "ws1");
    seen.proof = Proof::Ntlm;
    let score = scorer.access(&seen, &Unknown).unwrap();
    assert_eq!(score.sight.feature("ntlm"), 0.0);
    assert!(score.sight.feature("first-user-target") > 0.0);
}

#[test]
fn disorder_gaps_and_floods_end_in_numbers() {
    let mut scorer = small();
    let mut random = Random::new(2);
    for step in 0..20_000 {
        let time = i64::try_from(random.below(40)).unwrap() * DAY + i64::try_from(random.below(86_400)).unwrap();
        let target = format!("t{}", if step % 3 == 0 { step } else { random.below(50) });
        let odd = access(if step % 500 == 0 { -time } else { time }, random.below(80), &target, "ws1");
        if let Some(score) = scorer.access(&odd, &Unknown) {
            assert!(score.value().is_finite() && score.sight.row.iter().all(|value| value.is_finite()));
        }
    }
}

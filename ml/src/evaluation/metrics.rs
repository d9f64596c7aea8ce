//! Measures of a ranking: area under the ROC curve, average precision, recall within a budget.

use crate::number::real;

/// The area under the ROC curve: the chance that a positive ranks above a negative, ties counting half; ½ without both.
#[must_use]
pub fn auc(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = real(labels.iter().filter(|label| **label).count());
    let negatives = real(labels.len()) - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    let (mut sum, mut below, mut start) = (0.0, 0.0, 0);
    while let Some((score, _)) = order.get(start).copied() {
        let same = order.iter().skip(start).take_while(|(other, _)| *other == score);
        let (mut up, mut down) = (0.0, 0.0);
        for (_, label) in same {
            if *label { up += 1.0 } else { down += 1.0 }
        }
        sum += up * (below + down / 2.0);
        below += down;
        start += order.iter().skip(start).take_while(|(other, _)| *other == score).count();
    }
    sum / (positives * negatives)
}

/// Average precision: the mean over the positives of the precision at their rank. Ties are taken at their end, so that a
/// scorer gains nothing from saying the same of all.
#[must_use]
pub fn average_precision(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = real(labels.iter().filter(|label| **label).count());
    if positives == 0.0 {
        return 0.0;
    }
    let (mut sum, mut hits, mut seen, mut start) = (0.0, 0.0, 0.0, 0);
    while let Some((score, _)) = order.get(start).copied() {
        let group = order.iter().skip(start).take_while(|(other, _)| *other == score);
        let (count, up) =
            group.fold((0, 0.0), |(count, up), (_, label)| (count + 1, up + if *label { 1.0 } else { 0.0 }));
        hits += up;
        seen += real(count);
        sum += up * hits / seen;
        start += count;
    }
    sum / positives
}

/// The share of positives among the `budget` highest of each day.
#[must_use]
pub fn recall_per_day(scores: &[f64], labels: &[bool], days: &[i64], budget: usize) -> f64 {
    let mut order: Vec<(i64, f64, bool)> =
        days.iter().zip(scores).zip(labels).map(|((day, score), label)| (*day, *score, *label)).collect();
    order.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let positives = labels.iter().filter(|label| **label).count();
    let (mut found, mut day, mut rank) = (0, i64::MIN, 0);
    for (at, _, label) in order {
        rank = if at == day { rank + 1 } else { 1 };
        day = at;
        found += usize::from(label && rank <= budget);
    }
    real(found) / real(positives.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_and_a_reversed_ranking_are_at_the_ends() {
        let labels = [false, false, true, true];
        assert_eq!(auc(&[1.0, 2.0, 3.0, 4.0], &labels), 1.0);
        assert_eq!(auc(&[4.0, 3.0, 2.0, 1.0], &labels), 0.0);
        assert_eq!(average_precision(&[1.0, 2.0, 3.0, 4.0], &labels), 1.0);
    }

    #[test]
    fn saying_the_same_of_all_gives_chance() {
        let labels = [true, false, false, false];
        assert_eq!(auc(&[1.0; 4], &labels), 0.5);
        assert_eq!(average_precision(&[1.0; 4], &labels), 0.25);
    }

    #[test]
    fn average_precision_is_scikit_learns() {
        // sklearn.metrics.average_precision_score([0,0,1,1],[0.1,0.4,0.35,0.8]) = 0.8333…
        let ap = average_precision(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]);
        assert!((ap - 5.0 / 6.0).abs() < 1e-12, "{ap}");
    }

    #[test]
    fn the_budget_is_per_day() {
        let recall = recall_per_day(&[3.0, 2.0, 1.0, 9.0], &[true, false, true, true], &[0, 0, 0, 1], 1);
        assert!((recall - 2.0 / 3.0).abs() < 1e-12);
    }
}

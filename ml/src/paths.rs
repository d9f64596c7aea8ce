//! Causal paths: by which earlier logons an access came about (after Hopper, Ho et al. 2021).
//!
//! From an access back: the logons that reached its source within a day before. Where one used the same credential, that
//! credential was carried on; else every one is a possible cause, and the credential was switched. The switch is *clear*
//! where only one logon explains it. The causal user is the owner of the first host, else the first credential.
//!
//! Only logons that were new in some way are kept for a host, so a path whose earlier hop was a daily habit begins later.

use crate::store::Store;
use crate::store::entity::Inbound;

/// The most hops of a path.
const HOPS: usize = 8;
/// How long a logon can be the cause of a later one, in seconds.
const CAUSE: i64 = 86_400;

/// Whether the credential changed on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// The same all the way, or the source was not reached from afar.
    None,
    /// It changed, and one logon alone explains it.
    Clear,
    /// It changed, and several logons could explain it.
    Unclear,
}

/// One hop in ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in seconds.
    pub time: i64,
    /// The credential.
    pub user: u32,
    /// From where.
    pub source: u32,
    /// To where.
    pub target: u32,
}

/// A path that ends in an access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CausalPath {
    /// The hops, the first first.
    pub steps: Vec<Step>,
    /// Whether the credential changed.
    pub switch: Switch,
    /// Who started it, as far as is known.
    pub causal_user: Option<u32>,
}

/// The most suspicious path that ends in an access.
#[must_use]
pub fn trace(store: &Store, last: Step) -> CausalPath {
    let mut steps = vec![last];
    let mut switch = Switch::None;
    let mut head = last;
    while steps.len() < HOPS {
        let causes = causes(store, head, &steps);
        let same: Vec<&Inbound> = causes.iter().filter(|cause| cause.user == head.user).collect();
        let chosen = match (most(same.iter().copied()), most(causes.iter())) {
            (Some(carried), _) => *carried,
            (None, Some(changed)) => {
                let seen = if causes.len() == 1 { Switch::Clear } else { Switch::Unclear };
                switch = if switch == Switch::Clear { switch } else { seen };
                *changed
            }
            (None, None) => break,
        };
        head = Step { time: chosen.time, user: chosen.user, source: chosen.source, target: head.source };
        steps.push(head);
    }
    steps.reverse();
    let causal_user = store.place(head.source).owner().or(Some(head.user));
    // The owner of the first host who uses another's credential there switched before the first hop.
    if switch == Switch::None && causal_user.is_some_and(|user| user != head.user) {
        switch = Switch::Clear;
    }
    CausalPath { steps, switch, causal_user }
}

fn causes(store: &Store, head: Step, steps: &[Step]) -> Vec<Inbound> {
    let visited = |inbound: &Inbound| steps.iter().any(|step| step.source == inbound.source);
    let inbound = store.place(head.source).inbound.iter().copied();
    inbound.filter(|cause| (0..CAUSE).contains(&(head.time - cause.time)) && !visited(cause)).collect()
}

fn most<'a>(causes: impl Iterator<Item = &'a Inbound>) -> Option<&'a Inbound> {
    causes.max_by(|a, b| a.surprise.total_cmp(&b.surprise).then(a.time.cmp(&b.time)))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Timestamp;

    use super::*;
    use crate::access::{Access, Proof, Reach};

    fn learn(store: &mut Store, secs: i64, user: &str, source: &str, target: &str) -> Step {
        let access = Access {
            time: Timestamp::from_secs(secs),
            user: user.to_owned().into(),
            by: None,
            source: source.to_owned().into(),
            target: target.to_owned().into(),
            proof: Proof::Kerberos,
            reach: Reach::Network,
        };
        let seen = store.intern(&access);
        // Quarantined accesses are context at once, without the days in which everything is new.
        store.quarantine(&seen, 10.0);
        Step { time: secs, user: seen.user, source: seen.source, target: seen.target }
    }

    #[test]
    fn a_chain_with_one_explanation_is_a_clear_switch() {
        let mut store = Store::default();
        let first = learn(&mut store, 0, "ann", "ws1", "srv1");
        let second = learn(&mut store, 600, "svc", "srv1", "dc1");
        let path = trace(&store, second);
        assert_eq!(path.steps, [first, second]);
        assert_eq!((path.switch, path.causal_user), (Switch::Clear, Some(first.user)));
    }

    #[test]
    fn the_same_credential_carried_on_is_no_switch() {
        let mut store = Store::default();
        learn(&mut store, 0, "bob", "ws2", "srv1");
        let first = learn(&mut store, 10, "ann", "ws1", "srv1");
        let second = learn(&mut store, 600, "ann", "srv1", "dc1");
        let path = trace(&store, second);
        assert_eq!((path.steps, path.switch), (vec![first, second], Switch::None));
    }

    #[test]
    fn two_explanations_are_unclear_and_yesterday_is_none() {
        let mut store = Store::default();
        learn(&mut store, 0, "ann", "ws1", "srv1");
        learn(&mut store, 10, "bob", "ws2", "srv1");
        let hop = learn(&mut store, 600, "svc", "srv1", "dc1");
        assert_eq!(trace(&store, hop).switch, Switch::Unclear);
        let late = learn(&mut store, 200_000, "svc", "srv1", "dc1");
        assert_eq!(trace(&store, late).steps.len(), 1);
    }

    #[test]
    fn a_circle_ends() {
        let mut store = Store::default();
        for step in 0..20 {
            learn(
                &mut store,
                step,
                "ann",
                if step % 2 == 0 { "a" } else { "b" },
                if step % 2 == 0 { "b" } else { "a" },
            );
        }
        let hop = learn(&mut store, 100, "ann", "a", "b");
        assert!(trace(&store, hop).steps.len() <= HOPS);
    }
}

//! Tests of the store.

use super::*;

fn access(secs: i64, user: &str, source: &str, target: &str) -> Access<'static> {
    Access {
        time: Timestamp::from_secs(secs),
        user: user.to_owned().into(),
        by: None,
        source: source.to_owned().into(),
        target: target.to_owned().into(),
        proof: Proof::Kerberos,
        reach: Reach::Network,
    }
}

fn learn(store: &mut Store, access: &Access<'_>) {
    let seen = store.intern(access);
    store.learn(&seen, 0.0);
}

#[test]
fn a_flood_of_new_names_stays_within_the_caps() {
    let caps = Caps { names: 1000, pairs: 2000 };
    let mut store = Store::new(caps);
    for step in 0..50_000 {
        learn(&mut store, &access(step, &format!("u{step}"), &format!("s{step}"), &format!("d{}", step % 7)));
    }
    assert!(store.user_count() <= 1000 && store.entries() <= 2 * 1000 + 5 * 2000, "{}", store.entries());
    assert!(store.evicted > 0);
}

#[test]
fn who_is_in_use_survives_a_flood() {
    let mut store = Store::new(Caps { names: 1000, pairs: 100_000 });
    for step in 0..20_000 {
        learn(&mut store, &access(step * 60, &format!("u{step}"), "s", "d"));
        learn(&mut store, &access(step * 60, "ann", "ws1", "srv1"));
    }
    let ann = store.user_names.get("ann").unwrap();
    assert_eq!(store.user(ann).total.times, 20_000);
    assert_eq!(store.user(ann).targets, 1);
}

#[test]
fn degrees_follow_the_pairs() {
    let mut store = Store::default();
    for target in ["a", "b", "a", "c"] {
        learn(&mut store, &access(0, "ann", "ws1", target));
    }
    let (ann, ws1) = (store.user_names.get("ann").unwrap(), store.place_names.get("ws1").unwrap());
    assert_eq!((store.user(ann).targets, store.user(ann).sources), (3, 1));
    assert_eq!((store.place(ws1).targets, store.place(ws1).users), (3, 1));
}

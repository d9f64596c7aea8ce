//! Speed of the lateral scorer and of the isolation forest on made-up accesses: `cargo bench -p hopwatch-ml`.
//!
//! A thousand accounts over thirty days, two hundred servers, scored and learned with all models on, training included.
//! Prints accesses and rows a second on one core, and bytes of memory for each active account.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::Instant;

use hopwatch_ml::access::{Access, Proof, Reach};
use hopwatch_ml::models::Forest;
use hopwatch_ml::number::{real, single};
use hopwatch_ml::priors::Unknown;
use hopwatch_ml::random::Random;
use hopwatch_ml::{Scorer, features};
use hopwatch_model::Timestamp;

const ACCOUNTS: usize = 1000;
const DAYS: i64 = 30;
const A_DAY: usize = 40;

fn main() {
    lateral();
    forest();
}

fn lateral() {
    let accesses = accesses();
    let before = resident_bytes();
    let mut scorer = Scorer::default();
    let started = Instant::now();
    let scored = accesses.iter().filter(|access| scorer.access(access, &Unknown).is_some()).count();
    let secs = started.elapsed().as_secs_f64();
    let grown = resident_bytes().saturating_sub(before);
    println!(
        "lateral: {} accesses, {scored} scored, {:.2} s, {:.0} accesses/s, {:.0} kB more resident for {ACCOUNTS} accounts",
        accesses.len(),
        secs,
        real(accesses.len()) / secs,
        real(grown) / 1e3,
    );
    memory();
}

/// What one more active account costs: two estates that differ in nothing but their number of accounts, so that models
/// and training rows, which do not grow, cancel out.
fn memory() {
    let held = |accounts: usize| {
        let before = resident_bytes();
        let mut scorer = Scorer::default();
        for day in 0..10 {
            for account in 0..accounts {
                let target = (account % 200) * 5 + day % 5;
                scorer.access(&access(i64::try_from(day).unwrap_or(0) * 86_400 + 40_000, account, target), &Unknown);
            }
        }
        (resident_bytes().saturating_sub(before), scorer)
    };
    let (small, first) = held(10_000);
    let (large, second) = held(110_000);
    let each = real(large.saturating_sub(small)) / 1e5;
    println!(
        "memory: {each:.0} bytes an active account with its host ({} entries)",
        second.store.entries() - first.store.entries()
    );
}

/// Resident memory by the kernel's count; 0 where there is no `/proc`.
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

fn accesses() -> Vec<Access<'static>> {
    let mut random = Random::new(3);
    let mut all = Vec::with_capacity(ACCOUNTS * A_DAY * 30);
    for day in 0..DAYS {
        for account in 0..ACCOUNTS {
            for _ in 0..A_DAY {
                let secs = day * 86_400 + 28_800 + i64::try_from(random.below(32_000)).unwrap_or(0);
                let target = match random.below(200) {
                    0 => random.below(200),
                    near => (account % 20) * 10 + near % 5,
                };
                all.push(access(secs, account, target));
            }
        }
    }
    all.sort_by_key(|access| access.time);
    all
}

fn access(secs: i64, account: usize, target: usize) -> Access<'static> {
    Access {
        time: Timestamp::from_secs(secs),
        user: format!("u{account}").into(),
        by: None,
        source: format!("ws{account}").into(),
        target: format!("srv{target}").into(),
        proof: Proof::Kerberos,
        reach: Reach::Network,
    }
}

fn forest() {
    let mut random = Random::new(5);
    let rows: Vec<features::Row> = (0..200_000)
        .map(|_| {
            let mut row = [0.0; features::COUNT];
            row.iter_mut().for_each(|value| *value = single(random.unit()));
            row
        })
        .collect();
    let forest = Forest::train(rows.get(..20_000).unwrap_or_default(), 100, 1);
    let started = Instant::now();
    let sum: f32 = rows.iter().map(|row| forest.score(row)).sum();
    let secs = started.elapsed().as_secs_f64();
    println!("isolation forest: 100 trees, {:.2} M rows/s (sum {sum:.0})", real(rows.len()) / secs / 1e6);
}

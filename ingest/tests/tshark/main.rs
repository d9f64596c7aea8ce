//! Our reading of captures against an independent dissector's: tshark 4, over the lab's captures and over real ones from
//! elsewhere. Compared are the messages of a capture as a multiset: Kerberos message types with client names and etypes,
//! NTLM messages with their users, LDAP searches with base, scope and filter, DCE/RPC requests with interface and
//! operation, DNS messages with all their names.
//!
//! Where the two differ, [`EXPLAINED`] says how often and why; a difference without a line, and a line without its
//! difference, fail the test. In the lab's captures at least 99.5 % of each kind of message are equal besides.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures are shown")]

mod explained;
mod ours;
mod pdml;
mod theirs;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use explained::EXPLAINED;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Kerberos,
    Ntlm,
    Ldap,
    Rpc,
    Dns,
}

/// A message, as either side read it.
#[derive(Debug)]
struct Told {
    class: Class,
    /// What the message says, in words that both sides can say.
    what: String,
    frame: u64,
}

/// A name of the DNS in lower case. Bytes that are no text are shown by each side in its own way: here they are left out.
fn legible(name: &str) -> String {
    let mut text = String::new();
    let mut rest = name.chars();
    while let Some(letter) = rest.next() {
        match letter {
            // An escaped byte, `\\ddd`; an escaped letter stands for itself.
            '\\' => {
                let mut digits = rest.clone();
                if (0..3).all(|_| digits.next().is_some_and(|digit| digit.is_ascii_digit())) {
                    rest = digits;
                }
            }
            ' '..='~' => text.push(letter.to_ascii_lowercase()),
            _ => {}
        }
    }
    text
}

/// A message that one side read and the other did not, or not so.
struct Difference {
    capture: String,
    class: Class,
    /// Which side read it.
    side: &'static str,
    what: String,
    frames: Vec<u64>,
}

/// Per class: messages that both read alike, and all messages.
type Figures = BTreeMap<Class, (usize, usize)>;

/// Captures of the lab's, which are part of the repository.
const LAB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/lab");
/// Real captures that others made; see `HOPWATCH_CORPUS`.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus");

#[test]
fn the_labs_captures_read_as_tshark_reads_them() {
    compare("lab", &captures(Path::new(LAB)));
}

#[test]
fn real_captures_read_as_tshark_reads_them() {
    let folder = std::env::var_os("HOPWATCH_CORPUS").map_or_else(|| PathBuf::from(CORPUS), PathBuf::from);
    if !folder.exists() {
        println!("skipped: no corpus");
        return;
    }
    compare("corpus", &captures(&folder.join("pcap")));
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().to_lowercase();
        if path.is_dir() {
            found.extend(captures(&path));
        } else if name.contains(".pcap") || name.contains(".cap") || name.contains(".trace") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn compare(set: &'static str, captures: &[PathBuf]) {
    let version = Command::new("tshark").arg("--version").output();
    let Ok(version) = version else {
        println!("skipped: no tshark");
        return;
    };
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let version = version.lines().next().unwrap_or_default();
    if !version.contains(" 4.") {
        println!("skipped: {version} is not of the series 4, whose reading is compared");
        return;
    }
    let (mut figures, mut differences, mut read) = (Figures::new(), Vec::new(), 0);
    for path in captures {
        let Some(ours) = ours::read(path) else { continue };
        read += 1;
        one(path, &ours, &theirs::read(path), &mut figures, &mut differences);
    }
    println!("{set}: {read} captures, {version}");
    for (class, (equal, all)) in &figures {
        println!("  {class:?}: {equal} of {all} equal");
    }
    let mut wrong = unexplained(set, &differences);
    for (class, (equal, all)) in &figures {
        // Captures from elsewhere hold what was made to mislead dissectors; there the table alone decides.
        if set == "lab" && equal * 1000 < all * 995 {
            writeln!(wrong, "{class:?}: only {equal} of {all} are equal, which is less than 99.5 %").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(figures.len() == 5, "every class was met: {figures:?}");
}

fn one(path: &Path, ours: &[Told], theirs: &[Told], figures: &mut Figures, differences: &mut Vec<Difference>) {
    let mut sides: BTreeMap<(Class, &str), [Vec<u64>; 2]> = BTreeMap::new();
    for (side, told) in [ours, theirs].into_iter().enumerate() {
        for told in told {
            sides.entry((told.class, &told.what)).or_default()[side].push(told.frame);
        }
    }
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let capture = parts[parts.len() - 2..].join("/");
    for ((class, what), [ours, theirs]) in sides {
        let (equal, all) = figures.entry(class).or_default();
        *equal += ours.len().min(theirs.len());
        *all += ours.len().max(theirs.len());
        let (side, mut frames, others) = match ours.len().cmp(&theirs.len()) {
            std::cmp::Ordering::Equal => continue,
            std::cmp::Ordering::Greater => ("ours", ours, theirs),
            std::cmp::Ordering::Less => ("theirs", theirs, ours),
        };
        let surplus = frames.len() - others.len();
        frames.retain(|frame| !others.contains(frame));
        frames.truncate(surplus.max(1));
        frames.resize(surplus, 0);
        differences.push(Difference { capture: capture.clone(), class, side, what: what.into(), frames });
    }
}

/// Differences beyond the table, and lines of the table without their differences.
fn unexplained(set: &str, differences: &[Difference]) -> String {
    let mut wrong = String::new();
    let mut left: Vec<usize> = EXPLAINED.iter().map(|line| line.count).collect();
    for difference in differences {
        let lines = EXPLAINED.iter().zip(&mut left);
        let line = lines.into_iter().find(|(line, left)| {
            line.set == set
                && **left >= difference.frames.len()
                && difference.capture.contains(line.capture)
                && line.class == difference.class
                && line.side == difference.side
                && difference.what.contains(line.what)
        });
        match line {
            Some((_, left)) => *left -= difference.frames.len(),
            None => {
                let Difference { capture, class, side, what, frames } = difference;
                writeln!(wrong, "{capture}: {class:?}, only {side} ×{} {frames:?}: {what}", frames.len()).unwrap();
            }
        }
    }
    for (line, left) in EXPLAINED.iter().zip(left).filter(|(line, left)| line.set == set && *left > 0) {
        writeln!(
            wrong,
            "{} {:?} {}: {left} fewer than the table says (it says: {})",
            line.capture, line.class, line.what, line.why
        )
        .unwrap();
    }
    wrong
}

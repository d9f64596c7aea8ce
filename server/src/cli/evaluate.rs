//! `hopwatch evaluate`: the behaviour models on labelled records, with the measures an analyst has. LANL's own files run
//! unchanged.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args as ClapArgs, Subcommand};
use flate2::read::MultiGzDecoder;
use hopwatch_graph::{Estate, Snapshot};
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::resolution::Resolver;
use hopwatch_ml::evaluation::lateral::Evaluation;
use hopwatch_ml::evaluation::table::Table;
use hopwatch_ml::evaluation::truth::{HOUR, Truth};
use hopwatch_ml::priors::{Priors, SnapshotPriors, Unknown};
use hopwatch_ml::scorer::Config;

use super::{evaluate_travel, load, output};
use crate::clock;

/// Alerts of a day that are written: the larger of the two budgets of the table.
const A_DAY: usize = 10;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lateral movement on an authentication log in LANL's form.
    Lateral(Lateral),
    /// Impossible travel on labelled sign-ins.
    Travel(evaluate_travel::Args),
}

#[derive(ClapArgs)]
struct Lateral {
    /// The authentication log (`auth.txt`, plain or gzip).
    #[arg(long, value_name = "FILE")]
    auth: PathBuf,
    /// The intruders' accesses (`redteam.txt`, plain or gzip).
    #[arg(long, value_name = "FILE")]
    redteam: PathBuf,
    /// A directory of the same estate: SharpHound files or a zip.
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// Campaigns and the first day of the test, as JSON.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// The folder for edges.csv, alerts.csv and report.txt.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Fixes every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also measure what each group of features is worth, by leaving it out: as many passes more as there are groups.
    #[arg(long)]
    ablation: bool,
}

/// Groups of features that are left out by turns.
const GROUPS: [(&str, &[&str]); 6] = [
    ("rarities", &["user-target-rarity", "user-source-rarity", "source-target-rarity"]),
    ("novelty", &["first-user-target", "first-user-source", "first-source-target", "first-switch", "triple-count"]),
    ("switch", &["switched", "switch-named", "switch-count", "first-switch", "cause-away", "cause-reached-source"]),
    (
        "chain",
        &["inbound-surprise", "inbound-other", "inbound-same", "source-fan-out", "user-fan-out", "source-credentials"],
    ),
    ("presence", &["sits-here", "away", "cause-away", "console-idle", "user-idle", "elsewhere"]),
    ("directory and peers", &["peer-share", "not-granted", "nearer-tier-zero"]),
];

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::Lateral(args) => lateral(args),
        Command::Travel(args) => evaluate_travel::run(args),
    }
}

fn lateral(args: &Lateral) -> Result<ExitCode> {
    let truth_file = args.truth.as_ref().map(|path| text(path)).transpose()?;
    let truth = Truth::read(&text(&args.redteam)?, truth_file.as_deref())
        .with_context(|| format!("{} cannot be used", args.redteam.display()))?;
    let snapshot = args.directory.as_ref().map(|path| directory(path)).transpose()?;
    let known = snapshot.as_ref().map(SnapshotPriors::new);
    let priors: &dyn Priors = known.as_ref().map_or(&Unknown, |priors| priors);
    fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be made", args.out.display()))?;
    if truth.first().is_some_and(|first| first < truth.test_from) {
        eprintln!("the truth has intruders before the test begins: they are learned as habits");
    }
    let started = clock::instant();
    let config = Config { seed: args.seed, ..Config::default() };
    let evaluation = pass(&args.auth, &truth, priors, config.clone())?;
    let secs = started.elapsed().as_secs_f64();
    edges(&evaluation, &args.out.join("edges.csv"))?;
    alerts(&evaluation, &args.out.join("alerts.csv"))?;
    let lines = &evaluation.lines;
    let rate = f64::from(u32::try_from(lines.read).unwrap_or(u32::MAX)) / secs.max(1e-9);
    let mut report = format!(
        "lines {}, logons between hosts {}, out of order {}, in {secs:.1} s: {rate:.0} lines/s, scored and learned\n",
        lines.read, lines.accesses, lines.late
    );
    for (reason, count) in &lines.broken {
        report.push_str(&format!("dropped: {count} lines, {reason}\n"));
    }
    let table = Table::of(&evaluation);
    report.push_str(&table.to_string());
    if snapshot.is_some() {
        report.push_str(&coverage(&evaluation, priors));
    }
    if args.ablation {
        report.push_str(&ablation(args, &truth, priors, &config, &table)?);
    }
    fs::write(args.out.join("report.txt"), &report).context("report.txt cannot be written")?;
    output::line(report.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// One pass over the log: score, then learn.
fn pass<'a>(auth: &Path, truth: &'a Truth, priors: &'a dyn Priors, config: Config) -> Result<Evaluation<'a>> {
    let mut evaluation = Evaluation::new(truth, priors, config);
    let mut reader = open(auth)?;
    let mut line = String::new();
    loop {
        line.clear();
        let read = reader.read_line(&mut line).with_context(|| format!("{} cannot be read", auth.display()))?;
        if read == 0 {
            break;
        }
        evaluation.line(&line);
    }
    evaluation.finish();
    if evaluation.edges.is_empty() {
        bail!("{} has no logon between hosts after the test begins", auth.display());
    }
    Ok(evaluation)
}

/// How many of the log's accounts and hosts the directory knows: what it knows not, it says nothing of.
fn coverage(evaluation: &Evaluation<'_>, priors: &dyn Priors) -> String {
    let mut accounts = BTreeMap::new();
    for edge in &evaluation.edges {
        let (user, source, target) = evaluation.names(edge.user, edge.source, edge.target);
        accounts.entry(user).or_insert_with(|| priors.prior(user, source, target).granted.is_some());
    }
    let known = accounts.values().filter(|known| **known).count();
    format!("the directory knows {known} of {} accounts\n", accounts.len())
}

fn ablation(args: &Lateral, truth: &Truth, priors: &dyn Priors, config: &Config, whole: &Table) -> Result<String> {
    let row = |name: &str, table: &Table| {
        let (ap, recall) = table.ours();
        format!("{name:<30} AP {ap:.3}  campaigns @5 {recall:.2}\n")
    };
    let mut text = row("all features", whole);
    for (name, features) in GROUPS {
        let without = features.iter().map(|feature| (*feature).to_owned()).collect();
        let evaluation = pass(&args.auth, truth, priors, Config { without, ..config.clone() })?;
        text.push_str(&row(&format!("without {name}"), &Table::of(&evaluation)));
    }
    Ok(text)
}

fn directory(path: &Path) -> Result<Snapshot> {
    let (collected, report) = load::collect(&[path.to_owned()], &DigestKey::one_shot(), &mut Resolver::default());
    load::tell(&report, false);
    if collected.deltas.is_empty() {
        bail!("{} holds no directory", path.display());
    }
    let mut estate = Estate::new(hopwatch_graph::Config::default());
    collected.deltas.iter().for_each(|delta| estate.apply(delta));
    estate.derive(hopwatch_graph::Mode::Ours);
    Ok(estate.snapshot(None))
}

/// `time,user,src,dst,score`, in order of time.
fn edges(evaluation: &Evaluation<'_>, path: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        writeln!(out, "time,user,src,dst,score")?;
        for edge in &evaluation.edges {
            let (user, source, target) = evaluation.names(edge.user, edge.source, edge.target);
            writeln!(out, "{},{user},{source},{target},{:.6}", edge.time, edge.value)?;
        }
        out.flush()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// `day,key,score,events`, the most suspicious of each day first; events are `time|user|src|dst;…`, the most telling first.
fn alerts(evaluation: &Evaluation<'_>, path: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        writeln!(out, "day,key,score,events")?;
        for (day, campaigns) in &evaluation.days {
            for campaign in campaigns.iter().take(A_DAY) {
                let event = |hop: &hopwatch_ml::campaign::Hop| {
                    let seen = hop.seen;
                    let (user, source, target) = evaluation.names(seen.user, seen.source, seen.target);
                    format!("{}|{user}|{source}|{target}", seen.time)
                };
                let events: Vec<String> = campaign.hops.iter().map(event).collect();
                let first = campaign.hops.first().map(|hop| hop.seen.source).unwrap_or_default();
                let key = evaluation.names(0, first, 0).1.to_owned();
                writeln!(out, "{day},{key},{:.6},{}", campaign.score, events.join(";"))?;
            }
        }
        out.flush()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// A file's lines, unpacked where it is gzip, whatever its name is.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let gzip =
        reader.fill_buf().with_context(|| format!("{} cannot be read", path.display()))?.starts_with(&[0x1f, 0x8b]);
    Ok(if gzip { Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(reader))) } else { Box::new(reader) })
}

/// A whole file as text.
pub(super) fn text(path: &Path) -> Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text).with_context(|| format!("{} is no text", path.display()))?;
    Ok(text)
}

// The unit of the edges is the hour: a reader of edges.csv who counts otherwise counts wrong.
const _: () = assert!(HOUR == 3600);

//! `hopwatch graph …`: ask the graph of a data folder, or of files given on the spot.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use hopwatch_graph::{Estate, Filter, Limits, Metric, Mode, NodeId, Snapshot};
use hopwatch_model::Timestamp;

use super::export::{self, Format};
use super::output;
use crate::estate_file;
use crate::insight::Insight;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(ClapArgs)]
struct Source {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
    data_dir: PathBuf,
    /// The graph as it stood at a time (RFC 3339, with its zone), instead of now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Timestamp>,
}

#[derive(Subcommand)]
enum Command {
    /// Print the whole graph.
    Export {
        #[command(flatten)]
        source: Source,
        /// The form of the graph.
        #[arg(long, value_enum, default_value = "edges")]
        format: Format,
        /// Derive as this product does, where we judge differently.
        #[arg(long, value_enum)]
        compat: Option<Compat>,
    },
    /// The cheapest path from an object to another, or to Tier Zero.
    Path {
        #[command(flatten)]
        source: Source,
        /// Name or objectid of the start.
        #[arg(required_unless_present = "start")]
        from: Option<String>,
        /// Name or objectid of the end; without it the nearest of Tier Zero.
        to: Option<String>,
        /// The start, as an option.
        #[arg(long = "from", value_name = "OBJECT", conflicts_with = "from")]
        start: Option<String>,
        /// The end, as an option.
        #[arg(long = "to", value_name = "OBJECT", conflicts_with = "to")]
        end: Option<String>,
    },
    /// How many enabled accounts can reach an object; without one, Tier Zero.
    Exposure {
        #[command(flatten)]
        source: Source,
        /// Name or objectid.
        object: Option<String>,
        /// The object, as an option.
        #[arg(long = "to", value_name = "OBJECT", conflicts_with = "object")]
        end: Option<String>,
    },
    /// The edges whose removal cuts the most enabled accounts off from Tier Zero, the best first.
    ChokePoints {
        #[command(flatten)]
        source: Source,
        /// How many at the most.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Compat {
    Bloodhound,
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Export { source, format, compat } => {
            let mode = if compat.is_some() { Mode::BloodHound } else { Mode::Ours };
            export::write(&load(&source, mode)?, format, source.as_of, &mut std::io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Path { source, from, to, start, end } => {
            let from = from.or(start).context("the path wants a start")?;
            path(&snapshot(&source)?, &from, to.or(end).as_deref())
        }
        Command::Exposure { source, object, end } => {
            exposure(&snapshot(&source)?, object.or(end).as_deref())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::ChokePoints { source, limit } => choke_points(snapshot(&source)?, usize::from(limit)),
    }
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let time: jiff::Timestamp =
        text.parse().map_err(|_| format!("`{text}` is no RFC 3339 time with its zone, as 2026-11-22T12:00:00Z is"))?;
    Ok(Timestamp::from_micros(time.as_microsecond()))
}

fn snapshot(source: &Source) -> Result<Snapshot> {
    Ok(load(source, Mode::Ours)?.snapshot(source.as_of))
}

fn load(source: &Source, mode: Mode) -> Result<Estate> {
    let mut estate = estate_file::load(&source.data_dir)?;
    if mode == Mode::BloodHound {
        estate.derive(mode);
    }
    Ok(estate)
}

/// The object of a name or objectid; several candidates are an error that names them.
fn object(snapshot: &Snapshot, text: &str) -> Result<NodeId> {
    if let Some(node) = snapshot.find(text) {
        return Ok(node);
    }
    let account = hopwatch_model::Account::named(text);
    let lookup = snapshot.lookup();
    if let Some(node) = lookup.account(&account).or_else(|| lookup.host_name(text)) {
        return Ok(node);
    }
    let named = |node: &NodeId| snapshot.node(*node).is_some_and(|node| node.label().eq_ignore_ascii_case(text));
    let found: Vec<NodeId> = snapshot.nodes().filter(named).take(5).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => bail!("no object is called `{text}`"),
        several => {
            let ids: Vec<&str> =
                several.iter().filter_map(|node| snapshot.node(*node)).map(|node| node.id.as_str()).collect();
            bail!("several objects are called `{text}`: {}", ids.join(", "))
        }
    }
}

fn path(snapshot: &Snapshot, from: &str, to: Option<&str>) -> Result<ExitCode> {
    let start = object(snapshot, from)?;
    let targets = match to {
        Some(to) => vec![object(snapshot, to)?],
        None => snapshot.tier_zero(),
    };
    if targets.is_empty() {
        bail!("the graph has no Tier Zero: import a directory first");
    }
    let found = snapshot
        .cheapest_path(start, &targets, Metric::Cost, &Filter::default(), &Limits::none())
        .context("the path cannot be searched")?;
    let name = |node: NodeId| snapshot.node(node).map(|node| node.label().to_owned()).unwrap_or_default();
    let Some(path) = found else {
        output::line(format!("there is no path from {}", name(start)))?;
        return Ok(ExitCode::from(1));
    };
    for (number, hop) in (1..).zip(&path.hops) {
        output::line(format!(
            "{number:>2}  {} ─{}→ {}  (cost {})",
            name(hop.source),
            hop.kind.name(),
            name(hop.target),
            hop.cost
        ))?;
    }
    output::line(format!("{} hops, cost {}", path.hops.len(), path.cost))?;
    Ok(ExitCode::SUCCESS)
}

fn exposure(snapshot: &Snapshot, text: Option<&str>) -> Result<()> {
    let targets = match text {
        Some(text) => vec![object(snapshot, text)?],
        None => snapshot.tier_zero(),
    };
    if targets.is_empty() {
        bail!("the graph has no Tier Zero: import a directory first");
    }
    let shares = snapshot.exposure(&[&targets], &Filter::default(), &Limits::none())?;
    for share in shares {
        output::line(format!("{:.1} % of {} enabled accounts", share.ratio() * 100.0, snapshot.principal_count()))?;
    }
    Ok(())
}

fn choke_points(snapshot: Snapshot, limit: usize) -> Result<ExitCode> {
    if snapshot.tier_zero().is_empty() {
        bail!("the graph has no Tier Zero: import a directory first");
    }
    let insight = Insight::new(std::sync::Arc::new(snapshot));
    let chokes = insight.choke_points(&Limits::none())?;
    if chokes.is_empty() {
        output::line("there is no choke point: no single edge cuts an enabled account off from Tier Zero")?;
        return Ok(ExitCode::from(1));
    }
    let name = |node: NodeId| insight.snapshot.node(node).map(|node| node.label().to_owned()).unwrap_or_default();
    for (number, choke) in (1..).zip(chokes.iter().take(limit)) {
        let beside = match choke.with.len() {
            0 | 1 => String::new(),
            edges => format!(" with {} parallel edges", edges - 1),
        };
        output::line(format!(
            "{number:>2}  {} ─{}→ {}{beside}: cuts off {} enabled accounts ({:.1} % points of exposure)",
            name(choke.hop.source),
            choke.hop.kind.name(),
            name(choke.hop.target),
            choke.principals,
            choke.percent
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

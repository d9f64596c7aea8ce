//! `hopwatch graph …`: ask the graph of a data folder, or of files given on the spot.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use hopwatch_graph::{Estate, Filter, Limits, Metric, Mode, NodeId, Snapshot};
use hopwatch_model::edge::Origin;

use super::output;
use crate::estate_file;

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
}

#[derive(Subcommand)]
enum Command {
    /// Print the whole graph.
    Export {
        #[command(flatten)]
        source: Source,
        /// The form: a tab-separated table of edges, or OpenGraph JSON.
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
        from: String,
        /// Name or objectid of the end; without it the nearest of Tier Zero.
        to: Option<String>,
    },
    /// How many enabled accounts can reach an object; without one, Tier Zero.
    Exposure {
        #[command(flatten)]
        source: Source,
        /// Name or objectid.
        object: Option<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Edges,
    Opengraph,
}

#[derive(Clone, Copy, ValueEnum)]
enum Compat {
    Bloodhound,
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Export { source, format, compat } => {
            let mode = if compat.is_some() { Mode::BloodHound } else { Mode::Ours };
            export(&load(&source, mode)?, format)?;
        }
        Command::Path { source, from, to } => {
            return path(&load(&source, Mode::Ours)?.snapshot(None), &from, to.as_deref());
        }
        Command::Exposure { source, object } => {
            exposure(&load(&source, Mode::Ours)?.snapshot(None), object.as_deref())?
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn load(source: &Source, mode: Mode) -> Result<Estate> {
    let mut estate = estate_file::load(&source.data_dir)?;
    if mode == Mode::BloodHound {
        estate.derive(mode);
    }
    Ok(estate)
}

/// `edges`: source objectid, kind, target objectid, raw|derived. Observed kinds that no directory knows are left out of a
/// comparison with BloodHound by its own kinds; here all edges that hold are printed.
fn export(estate: &Estate, format: Format) -> Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let id = |node: NodeId| estate.node(node).map(|node| node.id.as_str()).unwrap_or_default();
    let held = estate.edges().filter(|(_, edge)| edge.held(None));
    match format {
        Format::Edges => {
            for (_, edge) in held {
                let origin = if edge.key.kind.origin() == Origin::Raw { "raw" } else { "derived" };
                writeln!(out, "{}\t{}\t{}\t{origin}", id(edge.key.source), edge.key.kind.name(), id(edge.key.target))?;
            }
        }
        Format::Opengraph => {
            let nodes = estate.nodes().map(|(_, node)| {
                serde_json::json!({ "id": node.id, "kinds": [node.kind.name(), "Base"], "properties": node.properties })
            });
            let edges = held.map(|(_, edge)| {
                serde_json::json!({
                    "kind": edge.key.kind.name(),
                    "start": { "match_by": "id", "value": id(edge.key.source) },
                    "end": { "match_by": "id", "value": id(edge.key.target) },
                })
            });
            let graph = serde_json::json!({
                "metadata": { "source_kind": "Base" },
                "graph": { "nodes": nodes.collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>() },
            });
            serde_json::to_writer(&mut out, &graph)?;
        }
    }
    out.flush()?;
    Ok(())
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

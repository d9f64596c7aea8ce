//! `hopwatch analyze`: judge files at once, in memory. Alerts, findings and paths to Tier Zero on stdout; history is
//! learned from and not judged.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use hopwatch_detections::engine::Settings;
use hopwatch_detections::{Mode, Sensitivity};
use hopwatch_graph::Estate;
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::load::Report;
use hopwatch_ingest::resolution::Resolver;
use hopwatch_model::Event;

use super::load;
use super::output::{self, Format};
use crate::verdicts;
use crate::watch::Watch;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Files, folders or archives to judge.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// A directory collected before: SharpHound files or a zip.
    #[arg(long, value_name = "FILE")]
    directory: Vec<PathBuf>,
    /// Files to learn from, not judged.
    #[arg(long, value_name = "PATH")]
    history: Vec<PathBuf>,
    /// How much it takes to raise an alert: high = fewest alerts.
    #[arg(long, value_name = "LEVEL", default_value = "high", value_parser = sensitivity)]
    sensitivity: Sensitivity,
    /// The form of the result.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Tell what became of every file, and what was left out.
    #[arg(long, short)]
    verbose: bool,
}

fn sensitivity(text: &str) -> Result<Sensitivity, String> {
    match text {
        "high" => Ok(Sensitivity::High),
        "medium" => Ok(Sensitivity::Medium),
        "low" => Ok(Sensitivity::Low),
        _ => Err("one of high, medium, low".into()),
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let settings = Settings { sensitivity: args.sensitivity, ..Settings::default() };
    let mut estate = Estate::new(hopwatch_graph::Config::default());
    let mut watch = Watch::new(&settings, &estate)?;
    let mut resolver = Resolver::default();
    let mut reports = Vec::new();
    let mut take = |paths: &[PathBuf], watch: &mut Watch, estate: &mut Estate| -> Vec<Event> {
        if paths.is_empty() {
            return Vec::new();
        }
        let (collected, report) = load::collect(paths, &DigestKey::one_shot(), &mut resolver);
        load::tell(&report, args.verbose);
        reports.push(report);
        collected.deltas.iter().for_each(|delta| watch.directory(estate, delta));
        watch.rebuild(estate);
        collected.events
    };
    let of_directory = take(&args.directory, &mut watch, &mut estate);
    let history = take(&args.history, &mut watch, &mut estate);
    let events = take(&args.paths, &mut watch, &mut estate);
    for event in of_directory.iter().chain(&history) {
        watch.observe(&mut estate, event, Mode::Learning);
    }
    watch.begin_judging(&mut estate);
    for event in &events {
        watch.observe(&mut estate, event, Mode::Judging);
    }
    watch.finish(&mut estate, Mode::Judging);
    let verdicts = verdicts::of(&watch, &estate, events.len());
    match args.format {
        Format::Json => output::line(serde_json::to_string_pretty(&verdicts.json())?)?,
        Format::Text => output::line(verdicts.text())?,
    }
    Ok(ExitCode::from(reports.iter().map(Report::exit_code).max().unwrap_or(0)))
}

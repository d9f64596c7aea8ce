//! `hopwatch analyze`: judge files at once, in memory. Alerts, findings and paths to Tier Zero on stdout; history is
//! learned from and not judged.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
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
use crate::clock;
use crate::coverage::Coverage;
use crate::insight::Insight;
use crate::pipeline::statuses;
use crate::reports::{Inputs, risk};
use crate::verdicts::{self, Verdicts};
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
    /// Also write the result as a risk report; the ending tells the form: `.html`, `.xlsx` or `.pdf`. May be given several times.
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    report: Vec<ReportFile>,
    /// Tell what became of every file, and what was left out.
    #[arg(long, short)]
    verbose: bool,
}

/// A report to write.
#[derive(Clone, Debug)]
struct ReportFile {
    path: PathBuf,
    form: Form,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Html,
    Xlsx,
    Pdf,
}

/// Told before the analysis: an hour of work must not end at an ending.
fn report_file(text: &str) -> Result<ReportFile, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let form = match ending.as_deref() {
        Some("html" | "htm") => Form::Html,
        Some("xlsx") => Form::Xlsx,
        Some("pdf") => Form::Pdf,
        Some(other) => {
            return Err(format!("no report is written as `.{other}`; the endings are .html, .xlsx and .pdf"));
        }
        None => return Err("a report's ending tells its form: .html, .xlsx or .pdf".into()),
    };
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => Err(format!("there is no folder {}", folder.display())),
        _ => Ok(ReportFile { path, form }),
    }
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
        let absorb = |delta| watch.absorb(estate, delta);
        let streamed = load::stream(paths, &DigestKey::one_shot(), &mut resolver, absorb);
        load::tell(&streamed.report, args.verbose);
        reports.push(streamed.report);
        watch.rebuild(estate);
        streamed.events
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
    if !args.report.is_empty() {
        let inputs = inputs(&watch, &verdicts, &events, &reports)?;
        args.report.iter().try_for_each(|file| write(&inputs, file))?;
    }
    match args.format {
        Format::Json => output::line(serde_json::to_string_pretty(&verdicts.json())?)?,
        Format::Text => output::line(verdicts.text())?,
    }
    Ok(ExitCode::from(reports.iter().map(Report::exit_code).max().unwrap_or(0)))
}

/// What a report of the analysis is made of.
fn inputs(watch: &Watch, verdicts: &Verdicts, events: &[Event], reports: &[Report]) -> Result<Inputs> {
    let insight = Insight::new(watch.snapshot());
    let alerts = verdicts.alerts().iter().cloned().map(Into::into).collect();
    let mut inputs = Inputs::of_graph(&insight, clock::now())?.with_alerts(alerts);
    inputs.findings = verdicts.weaknesses().to_vec();
    inputs.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    inputs.events = u64::try_from(events.len())?;
    inputs.span = events.iter().map(|event| event.time).min().zip(events.iter().map(|event| event.time).max());
    inputs.sources = reports.iter().flat_map(|report| statuses(report, events)).collect();
    let mut coverage = Coverage::default();
    events.iter().for_each(|event| coverage.observe(event));
    inputs.gaps = coverage.gaps();
    Ok(inputs)
}

fn write(inputs: &Inputs, file: &ReportFile) -> Result<()> {
    let bytes = match file.form {
        Form::Html => risk::html(inputs)?.into_bytes(),
        Form::Xlsx => risk::xlsx(inputs)?,
        Form::Pdf => risk::pdf(inputs)?,
    };
    std::fs::write(&file.path, bytes).with_context(|| format!("{} cannot be written", file.path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_form_and_an_unknown_one_is_refused_by_name() {
        assert_eq!(report_file("a.HTML").map(|file| file.form), Ok(Form::Html));
        assert_eq!(report_file("a.xlsx").map(|file| file.form), Ok(Form::Xlsx));
        assert_eq!(report_file("a.pdf").map(|file| file.form), Ok(Form::Pdf));
        assert!(report_file("a.docx").is_err_and(|error| error.contains("docx")));
        assert!(report_file("a").is_err_and(|error| error.contains(".html")));
        assert!(report_file("/no/such/folder/a.html").is_err_and(|error| error.contains("/no/such/folder")));
    }
}

//! `hopwatch detections list|show|coverage|why-not`: the catalogue, the manual of each detection, what the present sources
//! show of it, and why it did not fire.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, Subcommand};
use hopwatch_detections::{ALL, Sensitivity, coverage, manual};
use hopwatch_model::Timestamp;

use super::output::{self, Format};
use super::serve;
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::why_not::Question;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One line a detection.
    List {
        /// The form of the list.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// The manual of one detection, with its thresholds.
    Show {
        /// The detection.
        slug: String,
    },
    /// Which detection needs which source, and what the sources of a data folder show of it.
    Coverage {
        /// The data folder; without it only what detections need is told.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// The form of the list.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Why a detection did not fire for an entity around a time.
    WhyNot {
        /// The detection.
        slug: String,
        /// The account or host: a name, an address or a SID as sources spell it.
        #[arg(long, value_name = "NAME")]
        entity: String,
        /// Around when, as 2026-01-31T08:30:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        time: Timestamp,
        /// The data folder; no server may be at work on it.
        #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
        data_dir: PathBuf,
        /// The configuration file, for the detections' settings.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The form of the answer.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

/// A time of the command line.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    let micros = parsed.map(|time| Timestamp::from_micros(time.as_microsecond()));
    micros.map_err(|_| format!("`{text}` is no time like 2026-01-31T08:30:00Z"))
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::List { format } => list(format)?,
        Command::Show { slug } => show(&slug)?,
        Command::Coverage { data_dir, format } => coverage(data_dir, format)?,
        Command::WhyNot { slug, entity, time, data_dir, config, format } => {
            let question = Question::of_name(slug, &entity, time);
            why_not(&question, data_dir, config.as_deref(), format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(format: Format) -> Result<()> {
    for meta in ALL.iter().map(|factory| factory.meta()) {
        match format {
            Format::Text => {
                let severity = format!("{:?}", meta.severity).to_lowercase();
                output::line(format!(
                    "{:<36} {severity:<8} {:<22} {}",
                    meta.slug,
                    meta.techniques.join(","),
                    meta.title
                ))?;
            }
            Format::Json => output::line(
                serde_json::json!({
                    "slug": meta.slug,
                    "title": meta.title,
                    "severity": meta.severity,
                    "phase": meta.phase,
                    "techniques": meta.techniques,
                    "externalId": meta.external_id,
                })
                .to_string(),
            )?,
        }
    }
    Ok(())
}

fn coverage(data_dir: Option<PathBuf>, format: Format) -> Result<()> {
    let seen = match data_dir {
        None => None,
        Some(data_dir) => {
            let (_, progress) = crate::estate_file::open(&data_dir)?;
            let kinds = progress.and_then(|mut progress| Some(progress.engine.get_mut("kinds")?.take()));
            Some(kinds.map(serde_json::from_value).transpose()?.unwrap_or_default())
        }
    };
    for row in coverage::rows() {
        let sight = seen.as_ref().map(|seen| format!("{:?}", row.sight(seen)).to_lowercase());
        let missing: Vec<&str> = seen.as_ref().map(|seen| row.missing(seen).into_iter().collect()).unwrap_or_default();
        match format {
            Format::Text => {
                let ids: Vec<String> = row.event_ids.iter().map(ToString::to_string).collect();
                let missing = if missing.is_empty() {
                    String::new()
                } else {
                    format!("  never reported: {}", missing.join(", "))
                };
                output::line(format!(
                    "{:<36} {:<8} {:<5} {:<20} {}{missing}",
                    row.slug,
                    sight.unwrap_or_default(),
                    if row.wire { "wire" } else { "" },
                    row.techniques.join(","),
                    ids.join(","),
                ))?;
            }
            Format::Json => output::line(
                serde_json::json!({
                    "slug": row.slug, "techniques": row.techniques, "wire": row.wire, "eventIds": row.event_ids,
                    "samba": row.samba, "signIns": row.sign_ins, "directory": row.directory, "habits": row.habits,
                    "kinds": row.kinds, "missing": missing, "sight": sight,
                })
                .to_string(),
            )?,
        }
    }
    Ok(())
}

fn why_not(question: &Question, data_dir: PathBuf, config: Option<&Path>, format: Format) -> Result<()> {
    let mut config = config.map_or_else(|| Ok(Config::default()), Config::load)?;
    config.server.data_dir = data_dir;
    let answer = serve::runtime()?.block_on(async {
        let pipeline = Pipeline::open(config).await?;
        let answer = pipeline.why_not(question).await;
        pipeline.state().store.close().await;
        answer
    })?;
    let Some(answer) = answer else {
        bail!("there is no detection `{}`; `hopwatch detections list` names them all", question.detection);
    };
    match format {
        Format::Text => {
            output::line(&answer.summary)?;
            for gate in &answer.gates {
                let mark = if gate.passed { "passed" } else { "stopped" };
                let time = gate.time.map(|time| format!(" ({time})")).unwrap_or_default();
                output::line(format!("  {:<10} {mark:<8} {}{time}", gate.name, gate.text))?;
            }
            output::line(format!("  thresholds: {}", answer.thresholds))
        }
        Format::Json => {
            let gate = |gate: &hopwatch_detections::why_not::Gate| {
                let time = gate.time.map(|time| time.to_string());
                serde_json::json!({ "name": gate.name, "passed": gate.passed, "text": gate.text, "time": time })
            };
            let gates: Vec<_> = answer.gates.iter().map(gate).collect();
            let thresholds: serde_json::Value = serde_json::from_str(&answer.thresholds)?;
            let all = serde_json::json!({ "detection": question.detection, "summary": answer.summary, "gates": gates,
                "thresholds": thresholds });
            output::line(all.to_string())
        }
    }
}

fn show(slug: &str) -> Result<()> {
    let Some(factory) = ALL.iter().find(|factory| factory.meta().slug == slug) else {
        bail!("there is no detection `{slug}`; `hopwatch detections list` names them all");
    };
    output::line(manual::page(factory.meta()))?;
    output::line("## Thresholds\n")?;
    for (name, level) in [("high", Sensitivity::High), ("medium", Sensitivity::Medium), ("low", Sensitivity::Low)] {
        output::line(format!("- {name}: `{}`", factory.thresholds(level)))?;
    }
    Ok(())
}

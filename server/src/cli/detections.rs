//! `hopwatch detections list|show`: the catalogue and the manual of each detection.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, Subcommand};
use hopwatch_detections::{ALL, Sensitivity, manual};

use super::output::{self, Format};

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
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::List { format } => list(format)?,
        Command::Show { slug } => show(&slug)?,
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

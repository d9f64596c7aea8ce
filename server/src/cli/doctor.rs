//! `hopwatch doctor`: what is missing for the detections to see, and what to do about it. What it finds is its result and no
//! failure; `--fail-on` makes it one, for scripts that watch over a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, ValueEnum};

use super::output::{self, Format};
use super::{remote, serve};
use crate::doctor::{Level, Patient, Symptom, examine};
use crate::store::{EventHistory as _, Store};
use crate::{clock, estate_file, store};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The data folder; a server may run on it.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
    data_dir: PathBuf,
    /// Ask a running server instead: `http://host:port` or `https://…`.
    #[arg(long, value_name = "URL", conflicts_with = "data_dir")]
    server: Option<String>,
    /// A file with the server's API token (`hopwatch token create`); without it the variable HOPWATCH_TOKEN holds it.
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<PathBuf>,
    /// The form of the result.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// End with exit code 1 where something of this level or worse is missing.
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<Threshold>,
}

/// The levels as options.
#[derive(Clone, Copy, ValueEnum)]
enum Threshold {
    Notice,
    Warning,
    Problem,
}

impl From<Threshold> for Level {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Notice => Self::Notice,
            Threshold::Warning => Self::Warning,
            Threshold::Problem => Self::Problem,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let symptoms = match &args.server {
        Some(server) => {
            let token = remote::token(args.token_file.as_deref())?;
            serve::runtime()?.block_on(remote::doctor(server, &token))?
        }
        None => serve::runtime()?.block_on(of_folder(&args.data_dir))?,
    };
    match args.format {
        Format::Json => output::line(serde_json::to_string_pretty(&symptoms)?)?,
        Format::Text => tell(&symptoms)?,
    }
    let failed = args.fail_on.is_some_and(|least| symptoms.iter().any(|symptom| symptom.level >= least.into()));
    Ok(ExitCode::from(u8::from(failed)))
}

async fn of_folder(data_dir: &Path) -> Result<Vec<Symptom>> {
    if !data_dir.join(store::FILE).is_file() {
        bail!("{} is no data folder: nothing was imported into it", data_dir.display());
    }
    let (estate, progress) = estate_file::open(data_dir)?;
    let store = Store::open(data_dir).await?;
    let sources = store.sources().await?;
    let now = clock::now();
    let until = store.events().span().await?.map_or(now, |(_, last)| last);
    store.close().await;
    let coverage = progress.map(|progress| progress.coverage).unwrap_or_default();
    let snapshot = estate.snapshot(None);
    Ok(examine(&Patient { snapshot: &snapshot, coverage: &coverage, sources: &sources, until, now }))
}

fn tell(symptoms: &[Symptom]) -> Result<()> {
    for symptom in symptoms {
        let level = format!("{:?}", symptom.level).to_lowercase();
        output::line(format!("{level:<8} {}: {}", symptom.subject, symptom.text))?;
        output::line(format!("         do: {}", symptom.remedy))?;
    }
    let count = |level| symptoms.iter().filter(|symptom| symptom.level == level).count();
    let (problems, warnings, notices) = (count(Level::Problem), count(Level::Warning), count(Level::Notice));
    output::line(format!("{problems} problems, {warnings} warnings, {notices} notices"))
}

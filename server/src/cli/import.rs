//! `hopwatch import`: load files, folders or archives into a data folder.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use hopwatch_detections::Mode;
use hopwatch_ingest::resolution::Resolver;

use super::{load, serve};
use crate::config::Config;
use crate::pipeline::Pipeline;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Files, folders or archives; the kind is detected.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
    data_dir: PathBuf,
    /// The configuration file, for the detections' settings.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Learn from the events without judging them.
    #[arg(long)]
    history: bool,
    /// Tell what became of every file, and what was left out.
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut config = match &args.config {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    config.server.data_dir.clone_from(&args.data_dir);
    let mode = if args.history { Mode::Learning } else { Mode::Judging };
    serve::runtime()?.block_on(async {
        let mut pipeline = Pipeline::open(config).await?;
        let key = pipeline.key()?;
        let (collected, report) = load::collect(&args.paths, &key, &mut Resolver::default());
        load::tell(&report, args.verbose);
        pipeline.directory(&collected.deltas)?;
        pipeline.sources(&report).await?;
        pipeline.events(&collected.events, mode).await?;
        if !collected.events.is_empty() {
            pipeline.finish(mode).await?;
            pipeline.settle()?;
        }
        pipeline.state().store.close().await;
        let counters = report.counters();
        eprintln!(
            "{} files, {} records, {} events, {} directory parts",
            report.files.len(),
            counters.read,
            collected.events.len(),
            collected.deltas.len()
        );
        Ok(ExitCode::from(report.exit_code()))
    })
}

//! `hopwatch import`: load files, folders or archives into a data folder, or send them to a running server.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use hopwatch_detections::Mode;
use hopwatch_ingest::Sink;
use hopwatch_ingest::resolution::Resolver;

use super::{load, remote, serve};
use crate::config::Config;
use crate::pipeline::{Pipeline, Streamed};

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
    /// Send the files to a running server instead: `http://host:port` or `https://…`.
    #[arg(long, value_name = "URL", conflicts_with_all = ["data_dir", "config"])]
    server: Option<String>,
    /// A file with the server's API token (`hopwatch token create`); without it the variable HOPWATCH_TOKEN holds it.
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<PathBuf>,
    /// Learn from the events without judging them.
    #[arg(long)]
    history: bool,
    /// Tell what became of every file, and what was left out.
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mode = if args.history { Mode::Learning } else { Mode::Judging };
    if let Some(server) = &args.server {
        let token = remote::token(args.token_file.as_deref())?;
        let order = remote::Order { paths: &args.paths, mode, verbose: args.verbose };
        return serve::runtime()?.block_on(remote::import(server, &token, &order));
    }
    let mut config = match &args.config {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    config.server.data_dir.clone_from(&args.data_dir);
    serve::runtime()?.block_on(async {
        let mut pipeline = Pipeline::open(config).await?;
        let key = pipeline.key()?;
        let read = |sink: &mut dyn Sink| load::read(&args.paths, &key, sink);
        let Streamed { events, report, parts } = pipeline.load(&mut Resolver::default(), mode, read).await?;
        load::tell(&report, args.verbose);
        pipeline.state().store.close().await;
        // All of it is on disk: freeing a large graph object by object would take seconds that nobody needs to wait.
        std::mem::forget(pipeline);
        let counters = report.counters();
        eprintln!(
            "{} files, {} records, {} events, {} directory parts",
            report.files.len(),
            counters.read,
            events.len(),
            parts
        );
        Ok(ExitCode::from(report.exit_code()))
    })
}

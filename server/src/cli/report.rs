//! `hopwatch report`: write a report of a data folder at once.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;

use super::{output, serve};
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::reports;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The report's name.
    #[arg(default_value = "risk")]
    name: String,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
    data_dir: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut config = Config::default();
    config.server.data_dir.clone_from(&args.data_dir);
    serve::runtime()?.block_on(async {
        let pipeline = Pipeline::open(config).await?;
        let report = reports::run(pipeline.state(), &args.name, "command line").await?;
        for file in &report.files {
            output::line(reports::folder(&args.data_dir, &report.id).join(&file.file).display().to_string())?;
        }
        pipeline.state().store.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

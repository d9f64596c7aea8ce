//! `hopwatch import`: load files, folders or archives into a data folder.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use hopwatch_graph::Mode;
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::resolution::Resolver;

use super::load;
use crate::estate_file;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Files, folders or archives; the kind is detected.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
    /// Tell what became of every file, and what was left out.
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let mut estate = estate_file::load(&args.data_dir)?;
    let (collected, report) = load::collect(&args.paths, &DigestKey::one_shot(), &mut Resolver::default());
    load::tell(&report, args.verbose);
    collected.deltas.iter().for_each(|delta| estate.apply(delta));
    collected.events.iter().for_each(|event| estate.observe(event));
    estate.derive(Mode::Ours);
    estate_file::save(&args.data_dir, &estate)?;
    Ok(ExitCode::from(report.exit_code()))
}

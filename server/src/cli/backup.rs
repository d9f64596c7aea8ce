//! `hopwatch backup` and `hopwatch restore`: a data folder in one file, and back.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;

use super::{output, serve};
use crate::backup::{self, Manifest};

#[derive(ClapArgs)]
pub(crate) struct BackupArgs {
    /// The file that is written; it must not be there yet.
    file: PathBuf,
    /// The data folder; a server may run on it.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
    data_dir: PathBuf,
}

#[derive(ClapArgs)]
pub(crate) struct RestoreArgs {
    /// The backup.
    file: PathBuf,
    /// The data folder that is made; it must be empty or not be there yet.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
    data_dir: PathBuf,
}

pub(crate) fn backup(args: &BackupArgs) -> Result<ExitCode> {
    let manifest = serve::runtime()?.block_on(backup::write(&args.data_dir, &args.file))?;
    tell(&manifest);
    output::line(args.file.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<ExitCode> {
    tell(&backup::restore(&args.file, &args.data_dir)?);
    output::line(args.data_dir.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn tell(manifest: &Manifest) {
    eprintln!("{} files, {} bytes, as of {}", manifest.files.len(), manifest.bytes(), manifest.created_at);
}

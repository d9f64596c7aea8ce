//! `hopwatch events`: files as normalised events, one JSON object a line.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::resolution::Resolver;

use super::load;
use super::output::Format;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Files, folders or archives.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The form of an event.
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Tell what became of every file, and what was left out.
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (collected, report) = load::collect(&args.paths, &DigestKey::one_shot(), &mut Resolver::default());
    load::tell(&report, args.verbose);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for event in &collected.events {
        match args.format {
            Format::Json => serde_json::to_writer(&mut out, event)?,
            Format::Text => out.write_all(crate::summary::line(event).as_bytes())?,
        }
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(ExitCode::from(report.exit_code()))
}

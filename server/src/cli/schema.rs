//! `hopwatch schema`: the GraphQL schema, as committed in `schema.graphql`.

use std::process::ExitCode;

use anyhow::Result;

use super::output;

pub(crate) fn run() -> Result<ExitCode> {
    output::line(crate::graphql::sdl().trim_end())?;
    Ok(ExitCode::SUCCESS)
}

//! The `hopwatch` server: command line, pipeline, storage, GraphQL, reports.

pub mod cli;
pub mod clock;
pub mod estate_file;
pub mod summary;
pub mod verdicts;
pub mod watch;

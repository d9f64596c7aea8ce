//! The command line: one file per command. Progress and reasons go to stderr, results to stdout; the exit code is 0 where
//! everything that was asked for happened.

mod analyze;
mod collect;
mod demo;
mod detections;
mod events;
mod graph;
mod import;
mod load;
mod output;
mod progress;
mod remote;
mod report;
mod schema;
mod serve;
mod sigma;
mod token;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Graph-analytics lateral movement server for Active Directory.
#[derive(Parser)]
#[command(name = "hopwatch", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and the viewer.
    Serve(serve::Args),
    /// Serve on a fresh data folder with the sample estate loaded.
    Demo(demo::Args),
    /// Load files, folders or zips into a data folder or a running server.
    Import(import::Args),
    /// Collect a directory over LDAP into a file that `import` reads.
    Collect(collect::Args),
    /// Judge files at once, in memory: alerts, findings, paths.
    Analyze(analyze::Args),
    /// Print files as normalised events.
    Events(events::Args),
    /// Ask the graph.
    Graph(graph::Args),
    /// Print the GraphQL schema.
    Schema,
    /// Write a report.
    Report(report::Args),
    /// Manage users.
    User(user::Args),
    /// Manage the tokens by which programs use the server.
    Token(token::Args),
    /// List the detections, show the manual of one, or ask why one did not fire.
    Detections(detections::Args),
    /// Check, keep, try and switch Sigma rules.
    Sigma(sigma::Args),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Schema => schema::run(),
        Command::Report(args) => report::run(&args),
        Command::User(args) => user::run(args),
        Command::Token(args) => token::run(args),
        Command::Import(args) => import::run(&args),
        Command::Collect(args) => collect::run(&args),
        Command::Analyze(args) => analyze::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Graph(args) => graph::run(args),
        Command::Detections(args) => detections::run(args),
        Command::Sigma(args) => sigma::run(args),
    };
    match result {
        Ok(code) => code,
        // A closed pipe (`hopwatch events … | head`) is the reader's wish, not a failure.
        Err(error) if output::closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hopwatch: {error:#}");
            ExitCode::FAILURE
        }
    }
}

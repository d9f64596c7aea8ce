//! The command line: one file per command. Progress and reasons go to stderr, results to stdout; the exit code is 0 where
//! everything that was asked for happened.

mod analyze;
mod backup;
#[cfg(target_os = "linux")]
mod capture;
mod collect;
mod demo;
mod detections;
mod doctor;
mod evaluate;
mod evaluate_travel;
mod events;
mod export;
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
mod sql;
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
    /// Capture on an interface and send a server the events, as a sensor.
    #[cfg(target_os = "linux")]
    Capture(capture::Args),
    /// Load files, folders or zips into a data folder or a running server.
    Import(import::Args),
    /// Collect a directory over LDAP into a file that `import` reads.
    Collect(collect::Args),
    /// Judge files at once, in memory: alerts, findings, paths.
    Analyze(analyze::Args),
    /// Print files as normalised events.
    Events(events::Args),
    /// Measure the behaviour models on labelled records.
    Evaluate(evaluate::Args),
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
    /// Tell what is missing for the detections to see, and what to do about it.
    Doctor(doctor::Args),
    /// Ask events, alerts and the graph by SQL.
    Sql(sql::Args),
    /// Write a data folder into one file, also while a server runs on it.
    Backup(backup::BackupArgs),
    /// Make a data folder of a backup.
    Restore(backup::RestoreArgs),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        #[cfg(target_os = "linux")]
        Command::Capture(args) => capture::run(&args),
        Command::Schema => schema::run(),
        Command::Report(args) => report::run(&args),
        Command::User(args) => user::run(args),
        Command::Token(args) => token::run(args),
        Command::Import(args) => import::run(&args),
        Command::Collect(args) => collect::run(&args),
        Command::Analyze(args) => analyze::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Graph(args) => graph::run(args),
        Command::Detections(args) => detections::run(args),
        Command::Sigma(args) => sigma::run(args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Sql(args) => sql::run(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
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

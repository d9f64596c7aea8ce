//! The `hopwatch` server: command line, pipeline, storage, GraphQL, reports. It holds no path algorithm and no parser of
//! Windows formats.

pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod estate_file;
pub mod graphql;
pub mod http;
pub mod insight;
pub mod metrics;
pub mod outputs;
pub mod reports;
pub mod scheduler;
pub mod state;
pub mod store;
pub mod summary;
pub mod telemetry;
pub mod verdicts;
pub mod watch;

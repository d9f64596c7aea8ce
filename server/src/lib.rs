//! The `hopwatch` server: command line, pipeline, storage, GraphQL, reports.

pub mod cli;
pub mod clock;
pub mod estate_file;
pub mod summary;
pub mod verdicts;
pub mod watch;
//! The Hopwatch server: API, storage, reports and outputs around the graph and the detections. It holds no detection
//! logic, no path algorithm and no parser of Windows formats.

pub mod auth;
pub mod config;
pub mod graphql;
pub mod http;
pub mod insight;
pub mod metrics;
pub mod outputs;
pub mod reports;
pub mod scheduler;
pub mod state;
pub mod store;
pub mod telemetry;

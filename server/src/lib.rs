//! The Hopwatch server: command line, API, storage, reports and outputs around the graph and the detections. It holds no
//! detection logic, no path algorithm and no parser of Windows formats.
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
pub mod pipeline;
pub mod reports;
pub mod sample;
pub mod scheduler;
pub mod state;
pub mod store;
pub mod summary;
pub mod telemetry;
pub mod verdicts;
pub mod watch;

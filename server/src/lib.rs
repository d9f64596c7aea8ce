//! The Hopwatch server: command line, API, storage, reports and outputs around the graph and the detections. It holds no
//! detection logic, no path algorithm and no parser of Windows formats.

pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod coverage;
pub mod estate_file;
pub mod feed;
pub mod graphql;
pub mod http;
pub mod insight;
pub mod learning;
pub mod metrics;
pub mod outputs;
pub mod pipeline;
pub mod reports;
pub mod sample;
pub mod scheduler;
pub mod sigma;
pub mod state;
pub mod store;
pub mod summary;
pub mod telemetry;
pub mod verdicts;
pub mod watch;
pub mod why_not;

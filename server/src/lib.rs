//! The Hopwatch server: command line, API, storage, reports and outputs around the graph and the detections. It holds no
//! detection logic, no path algorithm and no parser of Windows formats.

pub mod auth;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod coverage;
pub mod doctor;
pub mod estate_file;
pub mod feed;
pub mod geo;
pub mod graphql;
pub mod heard;
pub mod http;
pub mod imported;
pub mod insight;
pub mod learning;
pub mod metrics;
pub mod outputs;
pub mod pipeline;
pub mod private;
pub mod reports;
pub mod sample;
pub mod scheduler;
pub mod sensor;
pub mod sql;
pub mod state;
pub mod store;
pub mod summary;
pub mod telemetry;
pub mod verdicts;
pub mod watch;
#[cfg(target_os = "linux")]
pub mod watching;

//! Sensors: hosts that capture near a domain controller and send the server events, never packets. Here is what both ends
//! share and what the sensor's end does; the server's end is `server/src/http/sensor.rs`.
//!
//! ```text
//! ingest::capture::live ─► batch ─► spool (disk) ─► uplink (TLS) ─► POST /sensor/{name}/{epoch}/{sequence} ─► feed
//! ```
//! Every batch is on disk before it is sent and stays there until the server has it durable, so that neither end may
//! lose it by a crash. A batch that is sent twice is known by its number; its events are known by their digests besides.

pub mod batch;
pub mod ledger;
pub mod spool;
pub mod station;
pub mod uplink;

pub use batch::{Batch, Health};

//! The vocabulary of Hopwatch: what a source reported (`event`), what a directory holds (`directory`), what the
//! property graph is made of (`node`, `edge`) and what was judged (`alert`, `finding`).
//!
//! Types only. This crate depends on no other crate of the project, does no I/O, reads no clock and decides nothing.

pub mod alert;
pub mod directory;
pub mod edge;
pub mod event;
pub mod guid;
pub mod identity;
pub mod node;
pub mod provenance;
pub mod sid;
pub mod time;

pub use alert::{Alert, Evidence, Finding, Severity};
pub use directory::{DirectoryDelta, DirectoryEdge, DirectoryNode, PropertyValue};
pub use edge::EdgeKind;
pub use event::{Activity, Event, Outcome};
pub use guid::Guid;
pub use identity::{Account, Certainty, Host, Resolution};
pub use node::NodeKind;
pub use provenance::{Provenance, Record};
pub use sid::Sid;
pub use time::Timestamp;

//! The types of the API, one per file with what belongs to it.

pub mod account;
pub mod activity;
pub mod alert;
pub mod choke_point;
pub mod detection;
pub mod edge;
pub mod entity;
pub mod entity_list;
pub mod event;
pub mod evidence;
pub mod exclusion;
pub mod finding;
pub mod health;
pub mod histogram;
pub mod host;
pub mod incident;
pub mod kind_info;
pub mod overview;
pub mod path;
pub mod report;
pub mod risk;
pub mod sign_in;
pub mod subgraph;
pub mod symptom;
pub mod user;

//! Where the server writes to beside its own store.

pub mod neo4j;

//! The committed schema is the printed one.

use std::path::Path;

#[test]
fn the_committed_schema_is_the_printed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema.graphql");
    if std::env::var_os("HOPWATCH_BLESS").is_some() {
        std::fs::write(&path, hopwatch::graphql::sdl()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == hopwatch::graphql::sdl(), "print it again with HOPWATCH_BLESS=1");
}

//! `schema.graphql` is the public contract: it equals what the server says of itself. `make schema` prints it anew.

use hopwatch_tests::root;

#[test]
fn the_committed_schema_is_the_servers() {
    let committed = std::fs::read_to_string(root().join("schema.graphql")).unwrap();
    let printed = hopwatch::graphql::sdl();
    let differs = committed.trim_end().lines().zip(printed.trim_end().lines()).find(|(one, other)| one != other);
    assert_eq!(differs, None, "schema.graphql differs (committed, printed); run `make schema`");
    assert_eq!(committed.trim_end().lines().count(), printed.trim_end().lines().count(), "run `make schema`");
}

//! `schema.graphql` is the public contract: it is what the binary prints. `make schema` prints it anew.

use hopwatch_tests::binary::{run, stderr, stdout};
use hopwatch_tests::root;

#[test]
fn the_committed_schema_is_what_the_binary_prints() {
    let committed = std::fs::read_to_string(root().join("schema.graphql")).unwrap();
    let output = run(["schema"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let printed = stdout(&output);
    let differs = committed.lines().zip(printed.lines()).find(|(one, other)| one != other);
    assert_eq!(differs, None, "schema.graphql differs (committed, printed); run `make schema`");
    assert_eq!(committed.len(), printed.len(), "run `make schema`");
}

//! Makes sure that the folder of the built viewer exists, so that the server builds where nobody built the viewer; it
//! then serves a page that says how to.

use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=templates");
    let dist = Path::new("../frontend/dist");
    println!("cargo::rerun-if-changed=../frontend/dist");
    std::fs::create_dir_all(dist)
}

//! The `hopwatch` command.

use std::process::ExitCode;

/// A directory becomes millions of small objects, made on one thread and freed on another: the system's allocator takes
/// several times as long for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hopwatch::cli::main()
}

//! How far loading is: a bar on stderr where a person looks on, silence where not.

use std::path::Path;
use std::sync::Mutex;

use hopwatch_ingest::load::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over the bytes of the files.
pub(crate) struct Bar(Mutex<ProgressBar>);

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:32} {bytes}/{total_bytes} {wide_msg}") {
            bar.set_style(style);
        }
        Self(Mutex::new(bar))
    }

    /// So many more bytes of a file are done.
    pub(crate) fn advance(&self, bytes: u64) {
        self.with(|bar| bar.inc(bytes));
    }

    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        if let Ok(bar) = self.0.lock() {
            act(&bar);
        }
    }
}

impl Progress for Bar {
    fn started(&self, _files: usize, bytes: u64) {
        self.with(|bar| bar.set_length(bytes));
    }

    fn finished(&self, path: &Path, bytes: u64) {
        self.with(|bar| {
            bar.inc(bytes);
            bar.set_message(path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default());
        });
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.with(ProgressBar::finish_and_clear);
    }
}

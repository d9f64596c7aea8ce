//! What became of each file.

use std::fmt;

use crate::counters::Counters;
use crate::error::Error;

/// What became of one file or archive member.
#[derive(Debug)]
pub struct FileReport {
    /// The path; members of archives follow after a slash.
    pub path: String,
    /// What it was told to be.
    pub kind: Option<&'static str>,
    /// What was read, made, ignored and dropped.
    pub counters: Counters,
    /// Why it failed, as a whole or at the end.
    pub error: Option<Error>,
    /// Whether it merely lies beside the files that were meant (of no known kind, inside a folder or archive).
    pub bystander: bool,
}

impl FileReport {
    pub(super) fn loaded(path: String) -> Self {
        Self { path, kind: None, counters: Counters::default(), error: None, bystander: false }
    }

    pub(super) fn failed(path: String, error: Error) -> Self {
        Self { error: Some(error), ..Self::loaded(path) }
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        if let Some(kind) = self.kind {
            write!(f, "{kind}, {} read, {} events", self.counters.read, self.counters.events)?;
            for (reason, count) in &self.counters.dropped {
                write!(f, ", dropped {count} ({reason})")?;
            }
        }
        match (&self.error, self.bystander, self.kind) {
            (Some(_), true, Some(_)) => f.write_str("; passed over: nothing of a known kind"),
            (Some(_), true, None) => f.write_str("passed over: no known kind of file"),
            (Some(error), false, kind) => {
                f.write_str(if kind.is_some() { "; failed: " } else { "failed: " })?;
                write!(f, "{error}")?;
                let mut cause = std::error::Error::source(error);
                while let Some(inner) = cause {
                    write!(f, ": {inner}")?;
                    cause = inner.source();
                }
                Ok(())
            }
            (None, _, _) => Ok(()),
        }
    }
}

/// What became of all files, in the order in which they were read.
#[derive(Debug, Default)]
pub struct Report {
    /// One entry a file or archive member.
    pub files: Vec<FileReport>,
}

impl Report {
    /// The counts of all files.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut total = Counters::default();
        self.files.iter().for_each(|file| total.add(&file.counters));
        total
    }

    /// The files that failed; bystanders are none.
    pub fn failures(&self) -> impl Iterator<Item = &FileReport> {
        self.files.iter().filter(|file| file.error.is_some() && !file.bystander)
    }

    /// 0 where everything loaded, 1 where a file failed or nothing was loaded at all.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let loaded = self.files.iter().any(|file| file.error.is_none());
        u8::from(!loaded || self.failures().next().is_some())
    }
}

impl fmt::Display for Report {
    /// One line a file, then the totals with the reasons of what was left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{file}")?;
        }
        let total = self.counters();
        let failed = self.failures().count();
        write!(f, "{} files, {failed} failed; {} records read, {} events", self.files.len(), total.read, total.events)?;
        for (reason, count) in &total.ignored {
            write!(f, "\n  {count} ignored: {reason}")?;
        }
        for (reason, count) in &total.dropped {
            write!(f, "\n  {count} dropped: {reason}")?;
        }
        Ok(())
    }
}

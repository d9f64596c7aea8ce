//! Reports: written by the clock, on request, or from the command line; kept in the data folder with a row in the store.

mod inputs;
mod pdf;
pub mod risk;
mod risk_html;
mod risk_pdf;
mod risk_xlsx;

use std::path::{Path, PathBuf};

use hopwatch_model::Timestamp;

use crate::clock;
use crate::state::State;
use crate::store::StoredReport;

pub use inputs::{AlertRow, EntityRow, Inputs, gather};

/// The names of all reports.
pub const NAMES: &[&str] = &[risk::NAME];

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no report of the name.
    #[error("there is no report `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The page cannot be filled in.
    #[error("the page cannot be filled in")]
    Page(#[from] askama::Error),
    /// The workbook cannot be made.
    #[error("the workbook cannot be made")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// The document cannot be made.
    #[error("the document cannot be made")]
    Document(#[source] std::io::Error),
    /// The graph could not answer.
    #[error("the graph could not answer")]
    Graph(#[from] hopwatch_graph::Error),
    /// The work was given up.
    #[error("the work was given up")]
    Stopped,
}

/// The title of a report, where there is one of the name.
#[must_use]
pub fn title(name: &str) -> Option<&'static str> {
    (name == risk::NAME).then_some(risk::TITLE)
}

/// The folder of a report's files.
#[must_use]
pub fn folder(data_dir: &Path, id: &str) -> PathBuf {
    data_dir.join("reports").join(id)
}

/// Writes a report of the server's state as it stands and notes it in the store.
///
/// # Errors
/// Where there is no such report, or it cannot be written.
pub async fn run(state: &State, name: &str, trigger: &str) -> Result<StoredReport, Error> {
    let title = title(name).ok_or_else(|| Error::Unknown { name: name.to_owned() })?;
    let created_at = clock::now();
    let inputs = gather(state, created_at).await?;
    let id = format!("{name}-{}-{:06x}", stamp(created_at), rand::random::<u32>() & 0xff_ffff);
    let folder = folder(state.store.data_dir(), &id);
    let written = tokio::task::spawn_blocking(move || risk::write(&inputs, &folder)).await;
    let files = written.map_err(|_| Error::Stopped)??;
    let report =
        StoredReport { id, name: name.into(), title: title.into(), created_at, trigger: trigger.into(), files };
    state.store.add_report(&report).await?;
    metrics::counter!("hopwatch_reports_written_total").increment(1);
    Ok(report)
}

/// `20261122T120000Z`.
fn stamp(time: Timestamp) -> String {
    let text = time.to_string();
    let compact: String = text.chars().take(19).filter(|c| c.is_ascii_digit() || *c == 'T').collect();
    format!("{compact}Z")
}

//! The risk report: how exposed the crown jewels are, what happened, what to fix first. A page, a workbook, and a
//! document to hand on.

use std::path::Path;

use super::{Error, Inputs, risk_html, risk_pdf, risk_xlsx};
use crate::store::ReportFile;

/// The report's name.
pub const NAME: &str = "risk";
/// The report's title.
pub const TITLE: &str = "Lateral movement risk";

/// Writes the report's files into a folder, which is made where it is not there.
///
/// # Errors
/// Where a file cannot be made or written.
pub fn write(inputs: &Inputs, folder: &Path) -> Result<Vec<ReportFile>, Error> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    crate::private::create_dir_all(folder).map_err(fault(folder))?;
    let mut files = Vec::new();
    for (format, bytes) in [("html", html(inputs)?.into_bytes()), ("xlsx", xlsx(inputs)?), ("pdf", pdf(inputs)?)] {
        let file = format!("{NAME}.{format}");
        let path = folder.join(&file);
        std::fs::write(&path, &bytes).map_err(fault(&path))?;
        files.push(ReportFile { format: format.into(), file, size_bytes: u64::try_from(bytes.len()).unwrap_or(0) });
    }
    Ok(files)
}

/// The report as one HTML page.
///
/// # Errors
/// Where the page cannot be filled in.
pub fn html(inputs: &Inputs) -> Result<String, Error> {
    risk_html::page(inputs)
}

/// The report as a PDF.
///
/// # Errors
/// Where the document cannot be made.
pub fn pdf(inputs: &Inputs) -> Result<Vec<u8>, Error> {
    risk_pdf::document(inputs)
}

/// The report as a workbook.
///
/// # Errors
/// Where the workbook cannot be made.
pub fn xlsx(inputs: &Inputs) -> Result<Vec<u8>, Error> {
    risk_xlsx::workbook(inputs)
}

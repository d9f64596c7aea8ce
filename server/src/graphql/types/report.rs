//! Reports that were written, and those that will be.

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::clock;
use crate::graphql::error::ApiResult;
use crate::graphql::page::{Total, connection};
use crate::graphql::request::state;
use crate::graphql::time::DateTime;
use crate::store::{PageRequest, StoredReport};

/// A written report.
#[derive(Clone)]
pub struct Report(pub StoredReport);

connection!(Report, ReportEdge, ReportConnection);

/// A file of a report.
#[derive(Clone, Debug, SimpleObject)]
pub struct ReportFile {
    /// `html`, `xlsx`, `pdf`.
    pub format: String,
    /// The path below this server from which it can be downloaded.
    pub url: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// A report that is written by the clock.
#[derive(Clone, Debug, SimpleObject)]
pub struct ReportSchedule {
    /// The report's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// When, as a cron line in UTC.
    pub cron: String,
    /// When it is due next.
    pub next_run_at: Option<DateTime>,
    /// When it was last written.
    pub last_run_at: Option<DateTime>,
}

/// A written report.
#[Object]
impl Report {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// The report's name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its title.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// When it was written.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Paths below this server from which it can be downloaded, by format.
    async fn files(&self) -> Vec<ReportFile> {
        let file = |file: &crate::store::ReportFile| ReportFile {
            format: file.format.clone(),
            url: format!("/reports/{}/{}", self.0.id, file.file),
            size_bytes: file.size_bytes,
        };
        self.0.files.iter().map(file).collect()
    }

    /// By whom or what it was written: a user's name, `schedule`, `command line`.
    async fn trigger(&self) -> &str {
        &self.0.trigger
    }
}

/// A page of reports, newest first.
pub(crate) async fn page(ctx: &Context<'_>, request: &PageRequest) -> ApiResult<ReportConnection> {
    let page = state(ctx)?.store.reports(request).await?;
    Ok(ReportConnection::new(page.map(Report), Total::Reports, |report| {
        (report.0.created_at.as_micros(), report.0.id.clone())
    }))
}

/// Every schedule of the configuration.
pub(crate) async fn schedules(ctx: &Context<'_>) -> ApiResult<Vec<ReportSchedule>> {
    let state = state(ctx)?;
    let mut rows = Vec::new();
    for schedule in &state.config.reports.schedules {
        rows.push(ReportSchedule {
            name: schedule.name.clone(),
            title: crate::reports::title(&schedule.name).unwrap_or(&schedule.name).to_owned(),
            cron: schedule.cron.clone(),
            next_run_at: crate::scheduler::next(&schedule.cron, clock::now()).map(DateTime),
            last_run_at: state.store.last_report(&schedule.name).await?.map(DateTime),
        });
    }
    Ok(rows)
}

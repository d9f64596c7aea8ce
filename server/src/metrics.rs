//! Counters of the running server in Prometheus' text form. Every drop has its own reason as a label.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// The recorder of this process; there can be only one.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts to record; later calls change nothing.
pub fn install() {
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is at work, /metrics stays empty");
        }
        handle
    });
}

/// The counters as text; empty where nothing records.
#[must_use]
pub fn render() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

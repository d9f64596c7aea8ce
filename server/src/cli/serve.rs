//! `hopwatch serve`: the API and the viewer over a data folder.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use hopwatch_ingest::DigestKey;
use tokio::net::TcpListener;

use super::output;
use crate::config::{Config, SourceForm};
use crate::feed::Feed;
use crate::pipeline::Pipeline;
use crate::state::State;
use crate::{auth, directories, folders, http, listeners, scheduler, telemetry, wef};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The configuration file; without it the defaults hold.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder; overrides the configuration.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address and port; overrides the configuration.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let mut config = match &args.config {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    if let Some(data_dir) = args.data_dir {
        config.server.data_dir = data_dir;
    }
    if let Some(listen) = args.listen {
        config.server.listen = listen;
    }
    telemetry::install(config.server.log, "info");
    runtime()?.block_on(async {
        let pipeline = Pipeline::open(config).await?;
        let listener = listen(&pipeline).await?;
        serve(pipeline, listener).await
    })
}

/// The runtime of the commands that wait for something.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")
}

/// Opens the port and makes the first user; prints the address, and the password where the user is new.
pub(super) async fn listen(pipeline: &Pipeline) -> Result<TcpListener> {
    let state = pipeline.state();
    let wanted = state.config.server.listen;
    let listener = TcpListener::bind(wanted).await.with_context(|| format!("{wanted} cannot be listened on"))?;
    let address = listener.local_addr()?;
    output::line(format!("Hopwatch listens on http://{address}"))?;
    if let Some(password) = auth::bootstrap(&state.store).await? {
        output::line("log in as admin with this password, which is shown once:")?;
        output::line(format!("  {password}"))?;
    }
    Ok(listener)
}

/// Serves until the process is told to stop.
pub(super) async fn serve(pipeline: Pipeline, listener: TcpListener) -> Result<ExitCode> {
    let state = std::sync::Arc::clone(pipeline.state());
    let key = pipeline.key()?;
    let feed = Feed::start(pipeline)?;
    let _forwarded = forwarded(&state, &feed, &key).await?;
    if let Some(sensors) = &state.config.sensors {
        http::mutual::serve(&state, sensors).await?;
    }
    listeners::start(&state, &feed, &key).await?;
    #[cfg(target_os = "linux")]
    let watching = crate::watching::start(&state.config, &key, &feed)?;
    scheduler::start(&state);
    directories::start(&state, &feed);
    folders::start(&state, &feed);
    let served = http::serve(state, listener, stopped()).await;
    #[cfg(target_os = "linux")]
    watching.stop().await;
    feed.stop().await;
    served.context("the server stopped")?;
    Ok(ExitCode::SUCCESS)
}

/// Starts the collectors of forwarded Windows events; they end with the value.
async fn forwarded(state: &State, feed: &Feed, key: &DigestKey) -> Result<Vec<wef::Listener>> {
    let mut listeners = Vec::new();
    for source in &state.config.sources {
        if let SourceForm::Wef(config) = &source.form {
            let listener = wef::start(&source.name, config, state, feed, key.clone()).await?;
            output::line(format!("{} takes forwarded events on https://{}", source.name, listener.address))?;
            listeners.push(listener);
        }
    }
    Ok(listeners)
}

/// Done when the process is interrupted or terminated.
pub(super) async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Where signals cannot be had the server runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

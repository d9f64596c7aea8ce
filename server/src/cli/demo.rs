//! `hopwatch demo`: the sample estate in a fresh data folder, served at once; the day of the intrusion plays while you look.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args as ClapArgs;
use hopwatch_detections::Mode;
use hopwatch_ingest::load::Config as LoadConfig;
use hopwatch_ingest::resolution::Resolver;
use hopwatch_model::{Event, Timestamp};

use super::{load, output, serve};
use crate::config::Config;
use crate::feed::Feed;
use crate::pipeline::Pipeline;
use crate::sample::Sample;
use crate::{clock, http, scheduler, telemetry};

/// Between two acts of the intrusion, so that alerts are seen to come.
const PAUSE: Duration = Duration::from_millis(700);

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Address and port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The data folder, which must be new; without it a temporary one is made and removed at the end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    telemetry::install(telemetry::Format::Text, "warn");
    let temporary = std::env::temp_dir().join(format!("hopwatch-demo-{}", std::process::id()));
    let (data_dir, remove) = match args.data_dir {
        Some(data_dir) => (data_dir, false),
        None => (temporary, true),
    };
    if std::fs::read_dir(&data_dir).is_ok_and(|mut entries| entries.next().is_some()) {
        anyhow::bail!("{} is not empty; the demo wants a fresh folder", data_dir.display());
    }
    let mut config = Config::default();
    config.server.listen = args.listen;
    config.server.data_dir.clone_from(&data_dir);
    let result = serve::runtime()?.block_on(play(config));
    if remove && let Err(error) = std::fs::remove_dir_all(&data_dir) {
        eprintln!("hopwatch: {} could not be removed: {error}", data_dir.display());
    }
    result
}

async fn play(config: Config) -> Result<ExitCode> {
    eprintln!("==> loading the sample estate");
    let sample = Sample::unpack(&config.server.data_dir.join("sample"), clock::now())?;
    let mut pipeline = Pipeline::open(config).await?;
    let key = pipeline.key()?;
    let mut resolver = Resolver::default();
    let at = LoadConfig::new(key.clone(), sample.directory_at());
    let (directory, report) = load::collect_with(&[sample.path(&sample.story.directory)], &at, &mut resolver);
    load::tell(&report, false);
    pipeline.directory(&directory.deltas).await?;
    let (mut read, report) =
        load::collect_with(&files(&sample), &LoadConfig::new(key, sample.directory_at()), &mut resolver);
    load::tell(&report, false);
    read.events.iter_mut().for_each(|event| sample.shift(event));
    pipeline.sources(&report, &read.events).await?;
    let judged_from = sample.judged_from();
    let (history, day) = read.events.split_at(read.events.partition_point(|event| event.time < judged_from));
    eprintln!("==> learning from {} events of the days before", history.len());
    pipeline.events(history, Mode::Learning).await?;
    pipeline.settle().await?;
    let listener = serve::listen(&pipeline).await?;
    output::line(format!("the day of the intrusion plays now: {} events", day.len()))?;
    let state = std::sync::Arc::clone(pipeline.state());
    let feed = Feed::start(pipeline)?;
    scheduler::start(&state);
    let day = day.to_vec();
    let playing = tokio::spawn(replay(feed.clone(), day));
    let served = http::serve(state, listener, serve::stopped()).await;
    playing.abort();
    feed.stop().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Every file of the story, once.
fn files(sample: &Sample) -> Vec<PathBuf> {
    let mut names: Vec<&String> =
        sample.story.acts.iter().flat_map(|act| std::iter::once(&act.file).chain(&act.audit)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| sample.path(name)).filter(|path| path.exists()).collect()
}

/// Shows the day in pieces of a quarter of an hour of its own time.
async fn replay(feed: Feed, day: Vec<Event>) -> Result<()> {
    let quarter = |time: Timestamp| time.as_secs().div_euclid(900);
    for piece in day.chunk_by(|a, b| quarter(a.time) == quarter(b.time)) {
        feed.events(piece.to_vec(), Mode::Judging).await?;
        tokio::time::sleep(PAUSE).await;
    }
    feed.finish(Mode::Judging).await?;
    eprintln!("==> the day is over; everything is loaded");
    Ok(())
}

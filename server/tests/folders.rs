//! A watched folder over a real pipeline: what is dropped into it becomes events, once.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it fails")]

use std::path::Path;
use std::sync::Arc;

use hopwatch::config::Config;
use hopwatch::feed::Feed;
use hopwatch::folders::Folder;
use hopwatch::pipeline::Pipeline;
use hopwatch::state::State;
use hopwatch::store::EventFilter;

async fn serve(data_dir: &Path) -> (State, Feed) {
    let mut config = Config::default();
    config.server.data_dir = data_dir.to_owned();
    let pipeline = Pipeline::open(config).await.unwrap();
    let state = Arc::clone(pipeline.state());
    (state, Feed::start(pipeline).unwrap())
}

fn row(time: &str) -> String {
    format!("{time},ann,203.0.113.7,pc1,ok,1\n")
}

async fn events(state: &State) -> u64 {
    state.events.count(&EventFilter::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_once_when_it_lies_still_and_again_when_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, drop) = (folder.path().join("data"), folder.path().join("drop"));
    std::fs::create_dir_all(drop.join("below")).unwrap();
    let (state, feed) = serve(&data_dir).await;
    let mut watched = Folder::new(&data_dir, "inbox", &drop);
    let file = drop.join("below/signins.csv");
    let mut text = String::from("time,user,ip,device,result,mfa\n") + &row("2026-01-05T09:00:00Z");
    std::fs::write(&file, &text).unwrap();
    watched.take(&feed).await.unwrap();
    assert_eq!(events(&state).await, 0, "it may still grow");
    watched.take(&feed).await.unwrap();
    assert_eq!(events(&state).await, 1);
    assert!(state.store.sources().await.unwrap().iter().any(|source| source.name.ends_with("below/signins.csv")));

    text += &row("2026-01-05T10:00:00Z");
    std::fs::write(&file, &text).unwrap();
    watched.take(&feed).await.unwrap();
    watched.take(&feed).await.unwrap();
    assert_eq!(events(&state).await, 2, "the first row is known already");

    let mut restarted = Folder::new(&data_dir, "inbox", &drop);
    std::fs::remove_dir_all(feed.incoming()).unwrap();
    restarted.take(&feed).await.unwrap();
    restarted.take(&feed).await.unwrap();
    assert_eq!(events(&state).await, 2, "nothing was copied: the folder for it is gone");

    std::fs::remove_dir_all(&drop).unwrap();
    let error = restarted.take(&feed).await.unwrap_err();
    assert!(format!("{error:#}").contains("drop cannot be read"), "{error:#}");
    feed.stop().await;
}

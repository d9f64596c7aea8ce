//! `hopwatch sigma check|add|list|enable|disable|remove|backtest`: Sigma rules of a data folder. A rule is kept off until it
//! is switched on; a backtest says before what it would have found, day by day.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args as ClapArgs, Subcommand};
use hopwatch_detections::sigma::{Reach, Rule, RuleSet};
use hopwatch_model::Timestamp;

use super::output::{self, Format};
use super::{detections, serve};
use crate::clock;
use crate::sigma::{self, Taken};
use crate::store::Store;

/// Who brought rules that the command line takes in.
const USER: &str = "command line";
/// The largest file of rules, in bytes.
const RULE_BYTES: u64 = 16 << 20;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read rules and tell which can be used, and what of them our events cannot show.
    Check {
        /// Files or folders of rules.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// The form of the list.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Keep rules in a data folder; a known rule gets the new text and stays on or off.
    Add {
        /// Files or folders of rules.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
        data_dir: PathBuf,
        /// Switch them on at once.
        #[arg(long)]
        enable: bool,
    },
    /// The rules of a data folder.
    List {
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
        data_dir: PathBuf,
        /// The form of the list.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Switch rules on. A running server follows with its next start.
    Enable(Ids),
    /// Switch rules off. A running server follows with its next start.
    Disable(Ids),
    /// Take rules away.
    Remove(Ids),
    /// What rules would have found in the stored events, with a count per day.
    Backtest {
        /// Files or folders of rules; without them the rules of the data folder.
        paths: Vec<PathBuf>,
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
        data_dir: PathBuf,
        /// Only events at or after, as 2026-01-31T00:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = detections::time)]
        since: Option<Timestamp>,
        /// Only events before.
        #[arg(long, value_name = "TIME", value_parser = detections::time)]
        until: Option<Timestamp>,
        /// The form of the result.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

#[derive(ClapArgs)]
struct Ids {
    /// Ids of rules.
    #[arg(required = true)]
    ids: Vec<String>,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
    data_dir: PathBuf,
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Check { paths, format } => check(&paths, format),
        Command::Add { paths, data_dir, enable } => serve::runtime()?.block_on(add(&paths, &data_dir, enable)),
        Command::List { data_dir, format } => serve::runtime()?.block_on(list(&data_dir, format)),
        Command::Enable(ids) => serve::runtime()?.block_on(change(&ids, Change::On)),
        Command::Disable(ids) => serve::runtime()?.block_on(change(&ids, Change::Off)),
        Command::Remove(ids) => serve::runtime()?.block_on(change(&ids, Change::Away)),
        Command::Backtest { paths, data_dir, since, until, format } => {
            serve::runtime()?.block_on(backtest(&paths, &data_dir, (since, until), format))
        }
    }
}

/// The texts of files, and of files that end in `.yml` or `.yaml` below folders, by path.
fn texts(paths: &[PathBuf]) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = paths.to_vec();
    while let Some(path) = open.pop() {
        let reason = || format!("{} cannot be read", path.display());
        let about = std::fs::metadata(&path).with_context(reason)?;
        if about.is_dir() {
            for entry in std::fs::read_dir(&path).with_context(reason)? {
                let below = entry.with_context(reason)?.path();
                let ending = below.extension().map(|ending| ending.to_ascii_lowercase());
                let yaml = ending.is_some_and(|ending| ending == "yml" || ending == "yaml");
                // A link may lead back up.
                if yaml || (below.is_dir() && !below.is_symlink()) {
                    open.push(below);
                }
            }
        } else if about.len() > RULE_BYTES {
            bail!("{} is larger than {RULE_BYTES} bytes", path.display());
        } else {
            files.push(path);
        }
    }
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok((path, String::from_utf8_lossy(&text).into_owned()))
    };
    files.into_iter().map(read).collect()
}

/// A rule as it is kept: id, title and text.
type Kept = (String, String, String);

/// Reads all rules; tells on stderr what was refused.
fn read(paths: &[PathBuf]) -> Result<(Taken, Vec<Kept>)> {
    let mut all = Taken::default();
    let mut kept = Vec::new();
    for (path, text) in texts(paths)? {
        let (taken, texts) = sigma::read(&text);
        for (title, reason) in &taken.refused {
            eprintln!("{}: {title}: refused: {reason}", path.display());
        }
        all.rules.extend(taken.rules);
        all.refused.extend(taken.refused);
        kept.extend(texts);
    }
    eprintln!("{} rules taken, {} refused", all.rules.len(), all.refused.len());
    Ok((all, kept))
}

/// 0 where every rule was taken, 1 where one was refused or there was none.
fn exit_code(taken: &Taken) -> ExitCode {
    ExitCode::from(u8::from(taken.rules.is_empty() || !taken.refused.is_empty()))
}

fn blind_spot(rule: &Rule) -> (&'static str, String) {
    match &rule.reach {
        Reach::Whole => ("whole", String::new()),
        Reach::Partial(fields) => ("partial", format!("no event keeps {}", fields.join(", "))),
        Reach::Blind(why) => ("blind", why.clone()),
    }
}

fn check(paths: &[PathBuf], format: Format) -> Result<ExitCode> {
    let (taken, _) = read(paths)?;
    for rule in &taken.rules {
        let (reach, why) = blind_spot(rule);
        match format {
            Format::Text => output::line(format!("{:<7} {}  {}  {why}", reach, rule.id, rule.title))?,
            Format::Json => output::line(
                serde_json::json!({
                    "id": rule.id, "slug": rule.slug, "title": rule.title, "severity": rule.severity,
                    "techniques": rule.techniques, "reach": reach, "blindSpot": why,
                })
                .to_string(),
            )?,
        }
    }
    Ok(exit_code(&taken))
}

async fn add(paths: &[PathBuf], data_dir: &Path, enable: bool) -> Result<ExitCode> {
    let (taken, kept) = read(paths)?;
    let store = Store::open(data_dir).await?;
    store.put_rules(&kept, USER, clock::now()).await?;
    if enable {
        let ids: Vec<String> = kept.into_iter().map(|(id, ..)| id).collect();
        store.enable_rules(&ids, true).await?;
    }
    store.audit(clock::now(), USER, "add Sigma rules", "", &format!("{} rules", taken.rules.len())).await?;
    store.close().await;
    Ok(exit_code(&taken))
}

async fn list(data_dir: &Path, format: Format) -> Result<ExitCode> {
    let store = Store::open(data_dir).await?;
    let rules = store.rules().await?;
    store.close().await;
    for rule in rules {
        let state = if rule.enabled { "on" } else { "off" };
        match format {
            Format::Text => output::line(format!("{state:<4} {}  {}", rule.id, rule.title))?,
            Format::Json => {
                let row = serde_json::json!({ "id": rule.id, "title": rule.title, "enabled": rule.enabled,
                    "addedBy": rule.added_by, "addedAt": rule.added_at.to_string() });
                output::line(row.to_string())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is done to rules.
#[derive(Clone, Copy)]
enum Change {
    On,
    Off,
    Away,
}

async fn change(ids: &Ids, change: Change) -> Result<ExitCode> {
    let store = Store::open(&ids.data_dir).await?;
    let word = match change {
        Change::On => {
            store.enable_rules(&ids.ids, true).await?;
            "enable Sigma rules"
        }
        Change::Off => {
            store.enable_rules(&ids.ids, false).await?;
            "disable Sigma rules"
        }
        Change::Away => {
            store.remove_rules(&ids.ids).await?;
            "remove Sigma rules"
        }
    };
    store.audit(clock::now(), USER, word, &ids.ids.join(" "), "").await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn backtest(
    paths: &[PathBuf],
    data_dir: &Path,
    (since, until): (Option<Timestamp>, Option<Timestamp>),
    format: Format,
) -> Result<ExitCode> {
    let store = Store::open(data_dir).await?;
    let taken = match paths {
        [] => {
            let mut all = Taken::default();
            for stored in store.rules().await? {
                all.rules.extend(sigma::read(&stored.yaml).0.rules);
            }
            all
        }
        _ => read(paths)?.0,
    };
    let code = exit_code(&taken);
    let rules = RuleSet::new(taken.rules)?;
    let found = sigma::backtest(&store.events(), &rules, since, until).await?;
    store.close().await;
    for test in &found.rules {
        let day = |time: &Timestamp| time.to_string().chars().take(10).collect::<String>();
        match format {
            Format::Text => {
                output::line(format!("{:>8} hits  {}  {}", test.hits, test.id, test.title))?;
                for (time, hits) in &test.days {
                    output::line(format!("{hits:>8}       {}", day(time)))?;
                }
            }
            Format::Json => {
                let days: serde_json::Map<_, _> =
                    test.days.iter().map(|(time, hits)| (day(time), (*hits).into())).collect();
                let row = serde_json::json!({ "id": test.id, "title": test.title, "hits": test.hits, "days": days,
                    "samples": test.samples });
                output::line(row.to_string())?;
            }
        }
    }
    let span = found.span.map(|(first, last)| format!(" from {first} to {last}")).unwrap_or_default();
    eprintln!("{} stored events{span}, {} of them from a Windows log", found.events, found.records);
    Ok(code)
}

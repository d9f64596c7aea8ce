//! `hopwatch token`: tokens by which programs use a server, as `hopwatch import --server` does. Works beside a running
//! server: a token is good, or revoked, at once.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args as ClapArgs, Subcommand};

use super::user::RoleArg;
use super::{output, serve};
use crate::auth::api_token;
use crate::clock;
use crate::store::{ApiToken, Store};

/// The longest life of a token in days: ten years.
const MAX_DAYS: u64 = 3650;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data", global = true)]
    data_dir: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Make a token and print it; it is shown this once.
    Create {
        /// What it is for: the name of the program or host that gets it.
        name: String,
        /// What it may do; importing takes an analyst.
        #[arg(long, value_enum, default_value = "analyst")]
        role: RoleArg,
        /// For how many days it is good.
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS))]
        days: u64,
    },
    /// List the tokens, those revoked and expired too.
    List,
    /// Take a token back; it stops working at once.
    Revoke {
        /// The id as `list` shows it.
        id: String,
    },
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    serve::runtime()?.block_on(async {
        let store = Store::open(&args.data_dir).await?;
        match args.command {
            Command::Create { name, role, days } => {
                let lasts = Duration::from_secs(days * 86_400);
                let (secret, row) = api_token::create(&store, &name, role.into(), lasts).await?;
                eprintln!("token {} is good until {}; it is shown this once:", row.id, row.expires_at);
                output::line(secret)?;
            }
            Command::List => {
                for token in store.api_tokens().await? {
                    output::line(line(&token))?;
                }
            }
            Command::Revoke { id } => api_token::revoke(&store, &id).await?,
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn line(token: &ApiToken) -> String {
    let standing = match token.revoked_at {
        Some(time) => format!("revoked {time}"),
        None if token.expires_at <= clock::now() => format!("expired {}", token.expires_at),
        None => format!("until {}", token.expires_at),
    };
    format!("{}  {:<8} {standing}  {}", token.id, token.role.name(), token.name)
}

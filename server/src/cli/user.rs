//! `hopwatch user`: who may log in, with which role.

use std::io::BufRead;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{output, serve};
use crate::auth;
use crate::store::{Role, Store};

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
    /// List the users and their roles.
    List,
    /// Make a user; the password is the first line of stdin.
    Add {
        /// The name.
        name: String,
        /// What the user may do.
        #[arg(long, value_enum, default_value = "viewer")]
        role: RoleArg,
    },
    /// Set a user's password, the first line of stdin, and end its sessions.
    Password {
        /// The name.
        name: String,
    },
    /// Remove a user.
    Remove {
        /// The name.
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum RoleArg {
    /// Reads everything.
    Viewer,
    /// Also triages, tags and runs reports.
    Analyst,
    /// Everything.
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Analyst => Self::Analyst,
            RoleArg::Admin => Self::Admin,
        }
    }
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    serve::runtime()?.block_on(async {
        let store = Store::open(&args.data_dir).await?;
        match args.command {
            Command::List => {
                for user in store.users().await? {
                    output::line(format!("{:<24} {}", user.name, user.role.name()))?;
                }
            }
            Command::Add { name, role } => auth::add_user(&store, &name, role.into(), &password()?).await?,
            Command::Password { name } => auth::set_password(&store, &name, &password()?).await?,
            Command::Remove { name } => store.remove_user(&name).await?,
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn password() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the password is read from stdin")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

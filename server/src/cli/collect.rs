//! `hopwatch collect`: a directory over LDAP into a zip in SharpHound's form. `docs/collector.md` says what is read.
//!
//! The password comes from a file, from stdin or from the environment, never as an argument, which every process of the
//! machine could see. The archive appears under its name when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args as ClapArgs;
use hopwatch_ingest::directory::ldap::{self, Config, Login, Password, Snapshot, Trust, Upgrade};
use hopwatch_ingest::directory::sharphound::{self, Summary};

/// The environment variable of the password.
const PASSWORD_VARIABLE: &str = "HOPWATCH_LDAP_PASSWORD";

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The domain controller: `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`.
    url: String,
    /// The account: `user@domain`, `DOMAIN\user` or a distinguished name. An ordinary one suffices.
    #[arg(long, short, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from the first line of a file.
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
    /// Read the password from the first line of stdin. Without this and --password-file it is that of the environment
    /// variable HOPWATCH_LDAP_PASSWORD.
    #[arg(long)]
    password_stdin: bool,
    /// The archive that is written.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Encrypt an ldap:// connection before the password is sent.
    #[arg(long)]
    starttls: bool,
    /// Trust the certificate authorities of a PEM file instead of the system's.
    #[arg(long, value_name = "FILE", group = "trust")]
    ca_file: Option<PathBuf>,
    /// Trust the very certificate of a PEM file, whatever name it bears.
    #[arg(long, value_name = "FILE", group = "trust")]
    server_certificate: Option<PathBuf>,
    /// Trust any certificate: whoever sits between may read the password.
    #[arg(long, group = "trust")]
    insecure_skip_verify: bool,
    /// Entries per page.
    #[arg(long, value_name = "COUNT", default_value = "1000", value_parser = clap::value_parser!(u16).range(1..))]
    page_size: u16,
    /// The longest wait for the connection and for each answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// The most entries per second, on average; as fast as the server answers where it is not given.
    #[arg(long, value_name = "COUNT")]
    rate: Option<NonZeroU32>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let config = config(args)?;
    if matches!((&config.trust, args.url.starts_with("ldap://"), config.upgrade), (_, true, Upgrade::None)) {
        eprintln!("hopwatch: the connection is not encrypted: the password crosses the network readable");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let snapshot = runtime.block_on(ldap::collect(&config))?;
    let summary = save(&snapshot, &args.output)?;
    tell(&snapshot, &summary, &args.output);
    Ok(ExitCode::SUCCESS)
}

fn config(args: &Args) -> Result<Config> {
    let trust = match (&args.ca_file, &args.server_certificate, args.insecure_skip_verify) {
        (Some(path), ..) => Trust::File(path.clone()),
        (_, Some(path), _) => Trust::Exactly(path.clone()),
        (.., true) => Trust::Anybody,
        (.., false) => Trust::System,
    };
    let login = match &args.user {
        Some(user) => Login::Simple { user: user.clone(), password: password(args)? },
        None => Login::Anonymous,
    };
    Ok(Config {
        url: args.url.clone(),
        login,
        upgrade: if args.starttls { Upgrade::StartTls } else { Upgrade::None },
        trust,
        page_size: args.page_size,
        timeout: Duration::from_secs(args.timeout),
        rate: args.rate,
    })
}

fn password(args: &Args) -> Result<Password> {
    let text = if let Some(path) = &args.password_file {
        fs::read_to_string(path).with_context(|| format!("cannot read the password of {}", path.display()))?
    } else if args.password_stdin {
        let mut text = String::new();
        std::io::stdin().read_line(&mut text).context("cannot read the password of stdin")?;
        text
    } else {
        match std::env::var(PASSWORD_VARIABLE) {
            Ok(text) => text,
            Err(_) => bail!("no password: use --password-file, --password-stdin or {PASSWORD_VARIABLE}"),
        }
    };
    let line = text.lines().next().unwrap_or_default().to_owned();
    // A simple bind with a name and no password succeeds as anonymous (RFC 4513 §5.1.2), which would look like a login.
    ensure!(!line.is_empty(), "the password is empty");
    Ok(Password::new(line))
}

/// Writes beside the target and renames: a reader never sees half an archive, a failure leaves none.
fn save(snapshot: &Snapshot, path: &Path) -> Result<Summary> {
    let name = path.file_name().with_context(|| format!("{} is no file name", path.display()))?;
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(partial);
    let written = write(snapshot, &partial);
    let result = written.and_then(|summary| {
        fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(summary)
    });
    if result.is_err() {
        drop(fs::remove_file(&partial));
    }
    result
}

fn write(snapshot: &Snapshot, path: &Path) -> Result<Summary> {
    let file = create(path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut out = BufWriter::new(file);
    let summary = sharphound::write(snapshot, &mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(summary)
}

/// Who may do what to whom is nobody else's business.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn tell(snapshot: &Snapshot, summary: &Summary, path: &Path) {
    let counts = summary.objects.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<String> = counts.map(|(name, count)| format!("{count} {name}")).collect();
    eprintln!("{}: {}", path.display(), counts.join(", "));
    for (what, count) in &summary.gaps {
        eprintln!("  gap: {count} × {what}");
    }
    for (reason, count) in &snapshot.counters.dropped {
        eprintln!("  dropped: {count} × {reason}");
    }
}

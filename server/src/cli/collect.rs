//! `hopwatch collect`: a directory over LDAP into a zip in SharpHound's form, or into LDIF, from which a later run reads only
//! what changed. `docs/collector.md` says what is read.
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
use hopwatch_ingest::Counters;
use hopwatch_ingest::directory::ldap::{self, Changes, Config, Login, Password, Snapshot, Trust, Upgrade, ldif};
use hopwatch_ingest::directory::sharphound::{self, Summary};
use hopwatch_ingest::directory::sysvol;

/// The environment variable of the password.
const PASSWORD_VARIABLE: &str = "HOPWATCH_LDAP_PASSWORD";

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The domain controller: `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`. Of several of one domain, the next is asked
    /// where one fails.
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
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
    /// The file that is written: an archive in SharpHound's form, or LDIF where the name ends in `.ldif`.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// LDIF of an earlier run: only what changed since is read. It is not changed itself.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// A folder with the files of group policies: SYSVOL, mounted or copied.
    #[arg(long, value_name = "DIR")]
    sysvol: Option<PathBuf>,
    /// Log in with the Kerberos ticket of the credential cache (KRB5CCNAME) or keytab (KRB5_CLIENT_KTNAME).
    #[cfg(feature = "gssapi")]
    #[arg(long, conflicts_with = "user")]
    kerberos: bool,
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
    /// How often a connection that is lost in the middle is made again.
    #[arg(long, value_name = "COUNT", default_value = "3")]
    reconnects: u8,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let config = config(args)?;
    let clear = args.urls.iter().any(|url| url.to_ascii_lowercase().starts_with("ldap://"));
    if clear && config.upgrade == Upgrade::None && matches!(config.login, Login::Simple { .. }) {
        eprintln!("hopwatch: the connection is not encrypted: the password crosses the network readable");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut snapshot = match &args.since {
        Some(path) => refreshed(&runtime, &config, path)?,
        None => runtime.block_on(ldap::collect(&config))?,
    };
    if let Some(folder) = &args.sysvol {
        snapshot.policies = sysvol::read(folder, &mut snapshot.counters)
            .with_context(|| format!("the policies of {} cannot be read", folder.display()))?;
    }
    let summary = save(&snapshot, &args.output)?;
    tell(&snapshot, &summary, &args.output);
    Ok(ExitCode::SUCCESS)
}

/// Reads what changed since an earlier run.
fn refreshed(runtime: &tokio::runtime::Runtime, config: &Config, path: &Path) -> Result<Snapshot> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut snapshot = ldif::read(file, &mut Counters::default())
        .with_context(|| format!("cannot read the earlier directory of {}", path.display()))?;
    let changes = runtime.block_on(ldap::refresh(config, &mut snapshot))?;
    let gone = snapshot_gone(&changes);
    match changes.whole {
        true => eprintln!("hopwatch: the server is another copy of the directory, so that everything was read anew"),
        false => eprintln!("hopwatch: {} objects are new or differ, {gone} are gone", changes.touched.len()),
    }
    Ok(snapshot)
}

/// How many objects are gone: those that were something before and are nothing now.
fn snapshot_gone(changes: &Changes) -> usize {
    let still = |entry: &&ldap::Entry| entry.guid("objectGUID").is_some_and(|guid| changes.touched.contains(&guid));
    changes.before.iter().filter(|entry| !still(entry)).count()
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
        #[cfg(feature = "gssapi")]
        None if args.kerberos => Login::Kerberos,
        None => Login::Anonymous,
    };
    Ok(Config {
        urls: args.urls.clone(),
        login,
        upgrade: if args.starttls { Upgrade::StartTls } else { Upgrade::None },
        trust,
        page_size: args.page_size,
        timeout: Duration::from_secs(args.timeout),
        rate: args.rate,
        reconnects: args.reconnects,
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
    let written = write(snapshot, &partial, path);
    let result = written.and_then(|summary| {
        fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(summary)
    });
    if result.is_err() {
        drop(fs::remove_file(&partial));
    }
    result
}

fn write(snapshot: &Snapshot, path: &Path, wanted: &Path) -> Result<Summary> {
    let file = create(path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut out = BufWriter::new(file);
    let text = wanted.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ldif"));
    let summary = if text {
        ldif::write(snapshot, &mut out)?;
        let count = u64::try_from(snapshot.entries.len())?;
        Summary { objects: [("entries", count)].into(), ..Summary::default() }
    } else {
        sharphound::write(snapshot, &mut out)?
    };
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

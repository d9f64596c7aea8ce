//! `hopwatch capture`: a sensor. It reads an interface and sends a server events, never packets.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::capture::live::Options;
use tokio::sync::Notify;

use super::serve;
use crate::clock;
use crate::sensor::spool::Spool;
use crate::sensor::station;
use crate::sensor::uplink::{Credentials, Uplink};
use crate::telemetry::{self, Format};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The interface that sees the mirrored traffic, or `any`.
    #[arg(short, long, value_name = "INTERFACE")]
    interface: String,
    /// The server: its sensors' port (https, with --certificate and --key), or its own port (with --token-file).
    #[arg(long, value_name = "URL")]
    to: String,
    /// The sensor's name: the common name of its certificate. Without it the host's name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The sensor's certificate chain, in PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The authority of the server's certificate, in PEM. Without it those that this host trusts.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A file with a token of the server, of an analyst or administrator.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where events wait while the server is away.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-spool")]
    spool: PathBuf,
    /// The most that waits there, in MiB; beyond it the oldest goes.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    spool_mib: u64,
    /// A copy of the server's `digest.key`, so that a ticket which several sensors see is known for one. Without it the
    /// sensor makes a key of its own.
    #[arg(long, value_name = "FILE")]
    digest_key: Option<PathBuf>,
    /// Threads, each with a ring of its own.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// The most processor time that the capture takes, in per cent of one core.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    cpu_percent: u32,
    /// The most memory that rings and connections take, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 150, value_parser = clap::value_parser!(u32).range(16..))]
    memory_mib: u32,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    telemetry::install(Format::Text, "info");
    let name = match &args.name {
        Some(name) => name.clone(),
        None => host_name()?,
    };
    let token = args.token_file.as_ref().map(|path| {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok::<_, anyhow::Error>(text.trim().to_owned())
    });
    let credentials = Credentials {
        certificate: args.certificate.clone().zip(args.key.clone()),
        authority: args.ca.clone(),
        token: token.transpose()?,
    };
    let uplink = Uplink::new(&args.to, &name, &credentials)?;
    let spool = Spool::open(&args.spool, args.spool_mib << 20, clock::now())
        .with_context(|| format!("{} cannot be used", args.spool.display()))?;
    let options = Options {
        interface: args.interface.clone(),
        source: format!("sensor:{name}"),
        threads: args.threads,
        cpu_percent: args.cpu_percent,
        memory_bytes: usize::try_from(u64::from(args.memory_mib) << 20)?,
        key: key(args)?,
    };
    serve::runtime()?.block_on(work(options, Arc::new(spool), uplink))
}

async fn work(options: Options, spool: Arc<Spool>, uplink: Uplink) -> Result<ExitCode> {
    let (stop, spooled) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let interface = options.interface.clone();
    let capture = tokio::task::spawn_blocking({
        let (stop, spool, spooled) = (Arc::clone(&stop), Arc::clone(&spool), Arc::clone(&spooled));
        move || station::run(&options, &spool, &stop, &|_| spooled.notify_one())
    });
    tracing::info!(interface, "capturing");
    let sending = tokio::spawn({
        let spool = Arc::clone(&spool);
        async move { uplink.run(&spool, &spooled).await }
    });
    let mut capture = capture;
    let ended = tokio::select! {
        ended = &mut capture => ended,
        () = serve::stopped() => {
            stop.store(true, Ordering::Relaxed);
            capture.await
        }
    };
    // What the last moments gave is on disk; a moment is given to send it, the next start sends the rest.
    let last = std::time::Duration::from_secs(5);
    let emptied = async {
        while spool.bytes() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let _waits_on_disk = tokio::time::timeout(last, emptied).await.is_err();
    sending.abort();
    ended?.with_context(|| format!("{interface} cannot be captured on"))?;
    Ok(ExitCode::SUCCESS)
}

fn key(args: &Args) -> Result<DigestKey> {
    let own = args.spool.join("digest.key");
    let path = args.digest_key.as_ref().unwrap_or(&own);
    match std::fs::read(path) {
        Ok(bytes) => match <[u8; 32]>::try_from(bytes) {
            Ok(bytes) => Ok(DigestKey::new(bytes)),
            Err(_) => bail!("{} is no key of 32 bytes", path.display()),
        },
        Err(error) if args.digest_key.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            let bytes: [u8; 32] = rand::random();
            write_private(path, &bytes).with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(DigestKey::new(bytes))
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

fn write_private(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

fn host_name() -> Result<String> {
    let name =
        std::fs::read_to_string("/proc/sys/kernel/hostname").context("this host has no name; give one by --name")?;
    Ok(name.trim().to_owned())
}

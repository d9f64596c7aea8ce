//! `hopwatch evaluate travel`: impossible travel on labelled sign-ins (`ts,user,ip,device,result,mfa,label,scenario`).
//! Places come from geo-location databases in MaxMind's format, flat (DB-IP lite as packed by ip-location-db) or nested
//! (MaxMind's own); without one there is nothing to measure.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;
use hopwatch_ml::evaluation::travel::{self, Labelled, Scored};
use hopwatch_ml::travel::Config;
use hopwatch_model::Timestamp;
use hopwatch_model::event::SignIn;

use super::{evaluate, output};
use crate::geo::Geo;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Labelled sign-ins (CSV, plain or gzip).
    #[arg(long, value_name = "FILE")]
    signins: PathBuf,
    /// A geo-location database (mmdb) or a folder of them; several are asked in turn. The variable GEOIP names one, too.
    #[arg(long, value_name = "PATH")]
    geoip: Vec<PathBuf>,
    /// The folder for signins.csv and report.txt.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut paths = args.geoip.clone();
    paths.extend(std::env::var_os("GEOIP").filter(|_| args.geoip.is_empty()).map(PathBuf::from));
    if paths.is_empty() {
        bail!(
            "travel needs places: name a geo-location database with --geoip FILE.mmdb (DB-IP lite and GeoLite2 are free)"
        );
    }
    let (sign_ins, refused) = read(&args.signins, &Geo::open(&paths)?)?;
    if sign_ins.is_empty() {
        bail!("{} has no sign-in", args.signins.display());
    }
    let config = Config::default();
    let (report, scored) = travel::run(&config, &sign_ins);
    fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be made", args.out.display()))?;
    let path = args.out.join("signins.csv");
    write(&path, &sign_ins, &scored).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut text = report.to_string();
    if refused > 0 {
        text.push_str(&format!("dropped: {refused} lines that are no sign-in\n"));
    }
    let path = args.out.join("alerts.csv");
    alerts(&path, &sign_ins, &scored, config.threshold)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    fs::write(args.out.join("report.txt"), &text).context("report.txt cannot be written")?;
    output::line(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// The sign-ins of a file, and how many lines were none.
fn read(path: &Path, geo: &Geo) -> Result<(Vec<Labelled>, usize)> {
    let text = evaluate::text(path)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().trim().split(',').collect();
    let column = |name: &str| header.iter().position(|known| *known == name);
    let [Some(ts), Some(user), Some(ip), Some(device), Some(result), Some(mfa), Some(label)] =
        ["ts", "user", "ip", "device", "result", "mfa", "label"].map(column)
    else {
        bail!("{} lacks a column of ts,user,ip,device,result,mfa,label", path.display());
    };
    let scenario = column("scenario");
    let (mut found, mut refused) = (Vec::new(), 0);
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.trim().split(',').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let (Ok(time), Ok(address)) = (field(ts).parse::<i64>(), field(ip).parse::<IpAddr>()) else {
            refused += 1;
            continue;
        };
        let (place, asn) = geo.locate(address);
        let device = Some(field(device).to_owned()).filter(|device| !device.is_empty());
        let multi_factor = match field(mfa) {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        found.push(Labelled {
            time: Timestamp::from_secs(time),
            user: field(user).to_owned(),
            address: Some(address),
            sign_in: SignIn { place, asn, device, multi_factor, ..SignIn::default() },
            success: matches!(field(result), "ok" | "success"),
            label: field(label) == "1",
            scenario: scenario.map(field).unwrap_or_default().to_owned(),
        });
    }
    Ok((found, refused))
}

fn write(path: &Path, sign_ins: &[Labelled], scored: &[Scored]) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "ts,user,ip,score,speed_kmh")?;
    for result in scored {
        let Some(one) = sign_ins.get(result.place) else { continue };
        let address = one.address.map(|address| address.to_string()).unwrap_or_default();
        let (time, user) = (one.time.as_secs(), &one.user);
        writeln!(out, "{time},{user},{address},{:.4},{:.0}", result.score, result.speed_kmh)?;
    }
    out.flush()
}

/// `day,key,score,events`: one alert a user and day, the highest of each day first; events are `time|user|ip|device;…`, the
/// most telling first.
fn alerts(path: &Path, sign_ins: &[Labelled], scored: &[Scored], threshold: f64) -> std::io::Result<()> {
    let mut groups: BTreeMap<(i64, &str), Vec<(f64, &Labelled)>> = BTreeMap::new();
    for result in scored.iter().filter(|result| result.score >= threshold) {
        let Some(one) = sign_ins.get(result.place) else { continue };
        groups.entry((one.time.day(), &one.user)).or_default().push((result.score, one));
    }
    let mut alerts: Vec<_> = groups.into_iter().collect();
    for (_, events) in &mut alerts {
        events.sort_by(|a, b| b.0.total_cmp(&a.0));
    }
    let strongest = |events: &[(f64, &Labelled)]| events.first().map_or(0.0, |(score, _)| *score);
    alerts.sort_by(|a, b| a.0.0.cmp(&b.0.0).then(strongest(&b.1).total_cmp(&strongest(&a.1))));
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "day,key,score,events")?;
    for ((day, user), events) in alerts {
        let event = |(_, one): &(f64, &Labelled)| {
            let address = one.address.map(|address| address.to_string()).unwrap_or_default();
            let device = one.sign_in.device.as_deref().unwrap_or_default();
            format!("{}|{}|{address}|{device}", one.time.as_secs(), one.user)
        };
        let told: Vec<String> = events.iter().map(event).collect();
        writeln!(out, "{day},{user},{:.6},{}", strongest(&events), told.join(";"))?;
    }
    out.flush()
}

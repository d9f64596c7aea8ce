//! `hopwatch evaluate travel`: impossible travel on labelled sign-ins (`ts,user,ip,device,result,mfa,label,scenario`).
//! Places come from geo-location databases in MaxMind's format, flat (DB-IP lite as packed by ip-location-db) or nested
//! (MaxMind's own); without one there is nothing to measure.

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
use hopwatch_model::event::signin::Place;
use maxminddb::Reader;
use serde_json::Value;

use super::{evaluate, output};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Labelled sign-ins (CSV, plain or gzip).
    #[arg(long, value_name = "FILE")]
    signins: PathBuf,
    /// A geo-location database (mmdb); several are asked in turn: cities, then networks.
    #[arg(long, value_name = "FILE")]
    geoip: Vec<PathBuf>,
    /// The folder for signins.csv and report.txt.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.geoip.is_empty() {
        bail!(
            "travel needs places: name a geo-location database with --geoip FILE.mmdb (DB-IP lite and GeoLite2 are free)"
        );
    }
    let databases: Vec<Reader<Vec<u8>>> = args.geoip.iter().map(|path| database(path)).collect::<Result<_>>()?;
    let (sign_ins, refused) = read(&args.signins, &databases)?;
    if sign_ins.is_empty() {
        bail!("{} has no sign-in", args.signins.display());
    }
    let (report, scored) = travel::run(&Config::default(), &sign_ins);
    fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be made", args.out.display()))?;
    let path = args.out.join("signins.csv");
    write(&path, &sign_ins, &scored).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut text = report.to_string();
    if refused > 0 {
        text.push_str(&format!("dropped: {refused} lines that are no sign-in\n"));
    }
    fs::write(args.out.join("report.txt"), &text).context("report.txt cannot be written")?;
    output::line(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn database(path: &Path) -> Result<Reader<Vec<u8>>> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    Reader::from_source(bytes).with_context(|| format!("{} is no geo-location database", path.display()))
}

/// The sign-ins of a file, and how many lines were none.
fn read(path: &Path, databases: &[Reader<Vec<u8>>]) -> Result<(Vec<Labelled>, usize)> {
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
        let (place, asn) = locate(databases, address);
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

/// What the databases say of an address: the first that knows a thing is believed.
fn locate(databases: &[Reader<Vec<u8>>], address: IpAddr) -> (Place, Option<u32>) {
    let (mut place, mut asn) = (Place::default(), None);
    for database in databases {
        let record = database.lookup(address).ok().and_then(|found| found.decode::<Value>().ok().flatten());
        let Some(record) = record else { continue };
        let number = |paths: [&str; 2]| paths.iter().find_map(|path| record.pointer(path)).and_then(Value::as_f64);
        let text = |paths: [&str; 2]| {
            paths.iter().find_map(|path| record.pointer(path)).and_then(Value::as_str).map(str::to_owned)
        };
        place.latitude = place.latitude.or_else(|| number(["/latitude", "/location/latitude"]));
        place.longitude = place.longitude.or_else(|| number(["/longitude", "/location/longitude"]));
        place.accuracy_km = place.accuracy_km.or_else(|| number(["/accuracy_radius", "/location/accuracy_radius"]));
        place.country = place.country.or_else(|| text(["/country_code", "/country/iso_code"]));
        place.city = place.city.or_else(|| text(["/city", "/city/names/en"]));
        let system = ["/autonomous_system_number", "/asn"].iter().find_map(|path| record.pointer(path));
        asn = asn.or_else(|| system.and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok()));
    }
    (place, asn)
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

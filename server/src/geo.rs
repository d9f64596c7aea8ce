//! Where addresses lie, by databases in MaxMind's format that the operator names: flat ones (DB-IP lite and ASN data as
//! packed by ip-location-db) and nested ones (MaxMind's own). What a source says itself is believed before them.
//!
//! None is shipped: their licences want a visible notice where they are used (DB-IP: "IP Geolocation by DB-IP",
//! CC BY 4.0), and they age. Deliberately no download here, and no judgement of a sign-in.

use std::borrow::Cow;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hopwatch_model::event::signin::Place;
use hopwatch_model::{Activity, Event};
use maxminddb::Reader;
use serde_json::Value;

/// The radius, in km, where databases disagree on the country: neither is believed to more than the continent.
const DISAGREED_KM: f64 = 1000.0;

/// A table of autonomous systems, as packed by ip-location-db.
const TABLE: &str = "asn-ipv4-num.csv";

/// The databases, asked in turn.
#[derive(Default)]
pub struct Geo {
    databases: Vec<Reader<Vec<u8>>>,
    /// First and last address and the system of each range, in order, of tables in numbers (`asn-ipv4-num.csv`).
    systems: Vec<(u32, u32, u32)>,
}

impl Geo {
    /// Opens databases; of a folder every `*.mmdb` in it and below, in order of names.
    ///
    /// # Errors
    /// Where one cannot be read, or is no such database.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut files = Vec::new();
        for path in paths {
            found(path, &mut files, 0)?;
        }
        let mut geo = Self::default();
        for path in files {
            if path.extension().is_some_and(|extension| extension == "csv") {
                geo.systems.extend(ranges(&path)?);
            } else {
                geo.databases.push(database(&path)?);
            }
        }
        geo.systems.sort_unstable();
        Ok(geo)
    }

    /// True where there is no database.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.databases.is_empty() && self.systems.is_empty()
    }

    /// What the databases say of an address: place and autonomous system.
    #[must_use]
    pub fn locate(&self, address: IpAddr) -> (Place, Option<u32>) {
        let (mut place, mut asn) = (Place::default(), None);
        for database in &self.databases {
            let record = database.lookup(address).ok().and_then(|found| found.decode::<Value>().ok().flatten());
            if let Some(record) = record {
                merge(&mut place, of_record(&record));
                asn = asn.or_else(|| system(&record));
            }
        }
        (place, asn.or_else(|| self.listed(address)))
    }

    fn listed(&self, address: IpAddr) -> Option<u32> {
        let IpAddr::V4(address) = address else { return None };
        let number = u32::from(address);
        let after = self.systems.partition_point(|(first, ..)| *first <= number);
        let (_, last, system) = self.systems.get(after.checked_sub(1)?)?;
        (number <= *last).then_some(*system)
    }

    /// The event, with place and system of its address where it is a sign-in that lacks them.
    #[must_use]
    pub fn enrich<'e>(&self, event: &'e Event) -> Cow<'e, Event> {
        let Activity::SignIn(sign_in) = &event.activity else { return Cow::Borrowed(event) };
        let address = event.source.as_ref().and_then(|source| source.address);
        let placed = sign_in.place.latitude.is_some() && sign_in.asn.is_some();
        let Some(address) = address.filter(|_| !placed && !self.is_empty()) else { return Cow::Borrowed(event) };
        let (place, asn) = self.locate(address);
        let mut sign_in = sign_in.clone();
        if sign_in.place.latitude.is_none() {
            let known = std::mem::replace(&mut sign_in.place, place);
            sign_in.place.country = known.country.or(sign_in.place.country);
            sign_in.place.city = known.city.or(sign_in.place.city);
        }
        sign_in.asn = sign_in.asn.or(asn);
        Cow::Owned(Event { activity: Activity::SignIn(sign_in), ..event.clone() })
    }
}

fn found(path: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut inside: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    inside.sort();
    let before = files.len();
    for path in inside {
        let table = path.file_name().is_some_and(|name| name == TABLE);
        let database = table || path.extension().is_some_and(|extension| extension == "mmdb");
        if database || (path.is_dir() && depth < 3) {
            found(&path, files, depth + 1)?;
        }
    }
    if depth == 0 && files.len() == before {
        bail!("{} holds no *.mmdb", path.display());
    }
    Ok(())
}

fn database(path: &Path) -> Result<Reader<Vec<u8>>> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    Reader::from_source(bytes).with_context(|| format!("{} is no geo-location database", path.display()))
}

/// The ranges of a table `first,last,system,name` with addresses as numbers; other lines are passed over.
fn ranges(path: &Path) -> Result<Vec<(u32, u32, u32)>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let range = |line: &str| {
        let mut numbers = line.split(',').map(|field| field.trim_matches('"').parse::<u32>());
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    let found: Vec<_> = text.lines().filter_map(range).collect();
    if found.is_empty() {
        bail!("{} has no ranges of addresses in numbers", path.display());
    }
    Ok(found)
}

/// The place of a record of either form.
fn of_record(record: &Value) -> Place {
    let number = |paths: [&str; 2]| paths.iter().find_map(|path| record.pointer(path).and_then(Value::as_f64));
    let text = |paths: [&str; 2]| {
        // A flat record has the city's name where a nested one has an object.
        let value = paths.iter().find_map(|path| record.pointer(path).and_then(Value::as_str));
        value.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Place {
        latitude: number(["/latitude", "/location/latitude"]),
        longitude: number(["/longitude", "/location/longitude"]),
        accuracy_km: number(["/accuracy_radius", "/location/accuracy_radius"]),
        country: text(["/country_code", "/country/iso_code"]),
        city: text(["/city", "/city/names/en"]),
    }
}

/// Takes over what was not known; where two disagree on the country, the place is hardly one.
fn merge(place: &mut Place, other: Place) {
    let disagree = place.country.is_some() && other.country.is_some() && place.country != other.country;
    if disagree {
        place.accuracy_km = Some(place.accuracy_km.unwrap_or(0.0).max(DISAGREED_KM));
        return;
    }
    if place.latitude.is_none() || place.longitude.is_none() {
        (place.latitude, place.longitude) = (other.latitude, other.longitude);
        place.accuracy_km = place.accuracy_km.or(other.accuracy_km);
    }
    place.country = place.country.take().or(other.country);
    place.city = place.city.take().or(other.city);
}

fn system(record: &Value) -> Option<u32> {
    let value = ["/autonomous_system_number", "/asn"].iter().find_map(|path| record.pointer(path))?;
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flat_and_nested_records_say_the_same() {
        let flat = json!({"latitude": 48.85, "longitude": 2.35, "country_code": "FR", "city": "Paris"});
        let nested = json!({"location": {"latitude": 48.85, "longitude": 2.35}, "country": {"iso_code": "FR"},
            "city": {"names": {"en": "Paris", "fr": "Paris"}}});
        assert_eq!(of_record(&flat), of_record(&nested));
        assert_eq!(system(&json!({"autonomous_system_number": 64496})), Some(64496));
    }

    #[test]
    fn a_table_of_ranges_names_the_system() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(TABLE), "16777216,16777471,13335,Example\nbroken\n").unwrap();
        let geo = Geo::open(&[folder.path().to_owned()]).unwrap();
        assert_eq!(geo.locate("1.0.0.7".parse().unwrap()).1, Some(13335));
        assert_eq!(geo.locate("1.0.1.7".parse().unwrap()).1, None);
    }

    #[test]
    fn databases_that_disagree_give_a_wide_radius() {
        let mut place = of_record(&json!({"latitude": 48.85, "longitude": 2.35, "country_code": "FR"}));
        merge(&mut place, of_record(&json!({"latitude": 52.5, "longitude": 13.4, "country_code": "DE"})));
        assert_eq!((place.country.as_deref(), place.accuracy_km), (Some("FR"), Some(DISAGREED_KM)));
    }

    #[test]
    fn what_is_no_database_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"no database").unwrap();
        let error = Geo::open(&[file.path().to_owned()]).err().unwrap().to_string();
        assert!(error.contains("is no geo-location database"), "{error}");
        assert!(Geo::open(&[tempfile::tempdir().unwrap().path().to_owned()]).is_err());
    }
}

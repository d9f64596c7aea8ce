//! Prints `docs/reference/config.md` from the defaults and the doc lines of the areas' files, so that the page cannot
//! drift from the code.

use super::{Config, Neo4j};

/// An area: its table, the source of its file, its struct's name, its defaults as TOML.
struct Area {
    table: &'static str,
    source: &'static str,
    item: &'static str,
    defaults: toml::Table,
}

/// The page.
#[must_use]
pub fn reference() -> String {
    let config = Config::default();
    let areas = [
        Area {
            table: "[server]",
            source: include_str!("server.rs"),
            item: "pub struct Server {",
            defaults: table(&config.server),
        },
        Area {
            table: "[reports]",
            source: include_str!("reports.rs"),
            item: "pub struct Reports {",
            defaults: table(&config.reports),
        },
        Area {
            table: "[[reports.schedules]]",
            source: include_str!("reports.rs"),
            item: "pub struct Schedule {",
            defaults: toml::Table::new(),
        },
        Area {
            table: "[neo4j]",
            source: include_str!("neo4j.rs"),
            item: "pub struct Neo4j {",
            defaults: table(&Neo4j::default()),
        },
        Area {
            table: "[sensors]",
            source: include_str!("sensors.rs"),
            item: "pub struct Sensors {",
            defaults: toml::Table::new(),
        },
    ];
    let mut page = String::from(
        "# Configuration\n\n`hopwatch serve --config FILE` reads a TOML file. Every key may be left out; an unknown key is \
         refused by name.\nThis page is printed from the code.\n",
    );
    for area in &areas {
        page.push_str(&format!("\n## `{}`\n\n| key | default | meaning |\n|---|---|---|\n", area.table));
        for (key, meaning) in fields(area.source, area.item) {
            let default = area.defaults.get(&key).map_or_else(|| "–".to_owned(), |value| format!("`{value}`"));
            page.push_str(&format!("| `{key}` | {default} | {meaning} |\n"));
        }
    }
    page.push_str(SOURCES);
    page.push_str("\n### `kind = \"wef\"`\n\n| key | meaning |\n|---|---|\n");
    for (key, meaning) in fields(include_str!("wef.rs"), "pub struct Wef {") {
        page.push_str(&format!("| `{key}` | {meaning} |\n"));
    }
    page.push_str(DETECTIONS);
    page
}

const SOURCES: &str = "\n## `[[sources]]`\n\nEach has a `name`, a `kind`, and what its kind needs:\n\n\
| kind | keys |\n|---|---|\n| `folder` | `path` |\n| `capture` | `interface` |\n\
| `ldap` | `url`, `user`, `password_file`, `cron`, perhaps `others`, `starttls`, `ca_file`, `server_certificate`, `sysvol`, `rate` |\n\
| `syslog` | `listen`; UDP and TCP, or TLS alone with `tls.certificate_file`, `tls.key_file` and, for senders with certificates, `tls.client_ca_file` |\n\
| `radius` | `listen`, `secret_file` for all access servers, or `clients` with `address` (or network) and `secret_file` each |\n\
| `wef` | see below |\n";

const DETECTIONS: &str = "\n## `[detections]`\n\n| key | default | meaning |\n|---|---|---|\n\
| `sensitivity` | `\"high\"` | `high` (learning and filters on), `medium`, `low` (for tests and exercises) |\n\
| `disabled` | `[]` | slugs of detections that are off |\n\
| `thresholds.<slug>.<name>` | – | overrides; `hopwatch detections show SLUG` lists names, units and defaults |\n\
| `exclusions` | `[]` | each with any of `detections`, `accounts`, `hosts`, `subnets` (lists; `*` ends a name), with `reason`, and `until` if it ends |\n";

fn table<T: serde::Serialize>(value: &T) -> toml::Table {
    toml::Table::try_from(value).unwrap_or_default()
}

/// The fields of a struct with their doc lines joined.
fn fields(source: &str, item: &str) -> Vec<(String, String)> {
    let body = source.split_once(item).map(|(_, rest)| rest).unwrap_or_default();
    let body = body.split_once("\n}").map(|(body, _)| body).unwrap_or_default();
    let mut fields = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            words.push(text.trim());
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(':')) {
            fields.push((name.to_owned(), words.join(" ").replace('|', "\\|")));
            words.clear();
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_defaults_is_explained() {
        let page = reference();
        let config = Config::default();
        for key in table(&config.server).keys().chain(table(&Neo4j::default()).keys()) {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
            assert!(row.is_some_and(|row| row.len() > key.len() + 20), "{key}");
        }
    }

    #[test]
    fn the_committed_page_is_the_printed_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/config.md");
        if std::env::var_os("HOPWATCH_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, reference()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, reference(), "print it again with HOPWATCH_BLESS=1");
    }
}

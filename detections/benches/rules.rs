//! Speed of Sigma rules: 2,000 rules, made by variation of eight shapes with words of their own, held against records of
//! seven ids of which a few hit. `cargo bench -p hopwatch-detections --bench rules [-- rules [records]]`. Time is that of
//! this thread on a processor (Linux), with the making of the record's fields from the event.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot start says so")]

use std::fs;
use std::sync::Arc;

use hopwatch_detections::sigma::{Rule, RuleSet, Scratch};
use hopwatch_model::event::{
    DirectoryAccess, Logon, LogonType, Principal, ProcessStart, ServiceInstall, ShareAccess, TgsExchange,
};
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Event, Host, Outcome, Provenance, Record, Timestamp};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (rules, records) = (numbers.next().unwrap_or(2_000), numbers.next().unwrap_or(2_000_000));
    let started = on_processor();
    let compiled: Vec<Rule> =
        (0..rules).flat_map(|number| Rule::parse(&text(number))).map(|rule| rule.expect("a rule of ours")).collect();
    let set = RuleSet::new(compiled).expect("the set is not full");
    println!("{} rules read and compiled in {} ms", set.rules().len(), (on_processor() - started) / 1_000_000);
    let mut random = Random(7);
    let events: Vec<Event> = (0..50_000).map(|number| event(number, &mut random)).collect();
    let mut scratch = Scratch::default();
    let (mut shown, mut hits) = (0_u64, 0_u64);
    let started = on_processor();
    while shown < records {
        for event in &events {
            set.hits(event, &mut scratch, |_| hits += 1);
        }
        shown += 50_000;
    }
    let spent = (on_processor() - started).max(1);
    println!("{shown} records, {hits} hits: {} records/s of a core", shown.saturating_mul(1_000_000_000) / spent);
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A word of a rule: pronounceable, of five to nine letters.
fn word(number: u64) -> String {
    let mut random = Random(number ^ 0xabcd);
    let syllables = ["ka", "mi", "tor", "zu", "lep", "ran", "do", "vex", "shi", "pol", "gre", "nu"];
    let count = 3 + random.below(2);
    (0..count).filter_map(|_| syllables.get(usize::try_from(random.below(12)).unwrap_or(0)).copied()).collect()
}

/// A rule: seven of ten are about processes, as in the public collections.
fn text(number: u64) -> String {
    let (one, two, three) = (word(number * 3), word(number * 3 + 1), word(number * 3 + 2));
    let process = "category: process_creation\n  product: windows";
    let security = "product: windows\n  service: security";
    let (source, body) = match number % 10 {
        0 | 1 => (
            process,
            format!(
                "a:\n    Image|endswith: '\\{one}.exe'\n    CommandLine|contains|all:\n      - ' -{two} '\n      - '{three}'\n  condition: a"
            ),
        ),
        2 => (
            process,
            format!(
                "a:\n    Image|endswith:\n      - '\\cmd.exe'\n      - '\\powershell.exe'\n  b:\n    CommandLine|contains:\n      - '{one}'\n      - '{two}'\n  f:\n    ParentImage|endswith: '\\{three}.exe'\n  condition: a and b and not f"
            ),
        ),
        3 => (
            process,
            format!(
                "s1:\n    CommandLine|contains: '{one}'\n  s2:\n    CommandLine|endswith: '{two}'\n  s3:\n    ParentImage|contains: '\\{three}\\'\n  condition: 1 of s*"
            ),
        ),
        4 => (
            process,
            format!(
                "a:\n    CommandLine|re: '(?i){one}\\s+/[a-z]+:{two}'\n    Image|endswith: '\\{three}.exe'\n  condition: a"
            ),
        ),
        5 => (
            process,
            format!(
                "a:\n    ParentImage|endswith: '\\services.exe'\n    Image|startswith: 'C:\\{one}\\'\n  b:\n    CommandLine: '*{two}*{three}*'\n  condition: a or b"
            ),
        ),
        6 => (process, format!("a:\n    CommandLine|contains|windash: ' -{one} '\n  condition: a")),
        7 => (
            security,
            format!(
                "a:\n    EventID: 4624\n    LogonType: 3\n    TargetUserName|startswith: '{one}'\n  f:\n    IpAddress|cidr: 10.0.0.0/8\n  condition: a and not f"
            ),
        ),
        8 => (
            security,
            format!(
                "a:\n    EventID: 5145\n    ShareName|endswith: 'C$'\n    RelativeTargetName|contains: '{one}'\n  condition: a"
            ),
        ),
        _ => (
            "product: windows\n  service: system",
            format!("a:\n    EventID: 7045\n    ImagePath|contains:\n      - '{one}'\n      - '{two}'\n  condition: a"),
        ),
    };
    format!(
        "title: Rule {number}\nid: 00000000-0000-4000-8000-{number:012}\nlogsource:\n  {source}\ndetection:\n  {body}\nlevel: medium\n"
    )
}

fn event(number: u64, random: &mut Random) -> Event {
    let odd = if random.below(500) == 0 { word(random.below(6_000)) } else { "status".into() };
    let user = format!("user{:04}", random.below(5_000));
    let (id, activity) = match random.below(10) {
        0..4 => {
            let programs = ["cmd", "powershell", "svchost", "chrome", "msiexec", "conhost"];
            let program = programs.get(usize::try_from(random.below(6)).unwrap_or(0)).copied().unwrap_or("cmd");
            let process = ProcessStart {
                image: format!("C:\\Windows\\System32\\{program}.exe"),
                command_line: format!(
                    "\"C:\\Windows\\System32\\{program}.exe\" /c \"C:\\Program Files\\Agent\\agent.exe\" --id {number} --task {odd} -log C:\\Temp\\{number}.log"
                ),
                parent: "C:\\Windows\\System32\\services.exe".into(),
                logon_id: None,
            };
            (if number.is_multiple_of(2) { 1 } else { 4688 }, Activity::ProcessStart(Box::new(process)))
        }
        4..7 => {
            let logon = Logon { logon_type: LogonType::Network, package: "Kerberos".into(), ..Logon::default() };
            (4624, Activity::Logon(Box::new(logon)))
        }
        7 => {
            let cname = Principal { name_type: 1, name: user.clone(), realm: "CORP.EXAMPLE".into() };
            let sname = Principal { name_type: 2, name: "cifs/srv1".into(), realm: "CORP.EXAMPLE".into() };
            (
                4769,
                Activity::TgsExchange(Box::new(TgsExchange {
                    cname,
                    sname,
                    ticket_etype: Some(18),
                    ..TgsExchange::default()
                })),
            )
        }
        8 => {
            let access =
                ShareAccess { share: "C$".into(), path: format!("Windows\\Temp\\{odd}.tmp"), access_mask: 0x12_0089 };
            (5145, Activity::ShareAccess(Box::new(access)))
        }
        _ if number.is_multiple_of(3) => {
            let install = ServiceInstall {
                name: odd.clone(),
                image_path: format!("C:\\Windows\\{odd}.exe -svc"),
                ..ServiceInstall::default()
            };
            (7045, Activity::ServiceInstall(Box::new(install)))
        }
        _ => {
            let access = DirectoryAccess {
                object: "DC=corp,DC=example".into(),
                class: "domainDNS".into(),
                access_mask: 0x100,
                properties: Vec::new(),
                logon_id: None,
            };
            (4662, Activity::DirectoryAccess(Box::new(access)))
        }
    };
    Event {
        time: Timestamp::from_secs(1_767_596_400),
        provenance: Provenance {
            kind: SourceKind::WindowsEvent,
            source: Arc::from("Security.evtx"),
            record: Record::Record(number),
            digest: number,
            event_id: Some(id),
            reporter: Some(Arc::from("srv1.corp.example")),
        },
        actor: Some(Account { name: user, domain: Some("CORP".into()), sid: None }),
        source: "10.1.2.3".parse().ok().map(Host::at),
        target: Some(Host::reported("srv1.corp.example")),
        outcome: Outcome::Success,
        activity,
    }
}

/// Nanoseconds that this thread was on a processor.
fn on_processor() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|spent| spent.parse().ok()).unwrap_or(0)
}

//! What Sigma rules match, and what is refused by name.

use std::sync::Arc;

use hopwatch_model::event::{Logon, LogonType, ProcessStart, ServiceInstall};
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Event, Host, Outcome};

use super::*;
use crate::engine::{AlertChange, Engine, Settings};
use crate::frame::Mode;
use crate::testing::{by, event as wire_event, snapshot};

fn logged(secs: i64, id: u32, activity: Activity) -> Event {
    let mut event = by(wire_event(secs, activity), "LAB\\ann", "ws1", Outcome::Success);
    event.provenance.kind = SourceKind::WindowsEvent;
    event.provenance.event_id = Some(id);
    event.provenance.reporter = Some(Arc::from("srv1.lab.example"));
    event.target = Some(Host::reported("srv1"));
    event
}

fn process(command: &str) -> Event {
    let process = ProcessStart {
        image: "C:\\Windows\\System32\\cmd.exe".into(),
        command_line: command.into(),
        parent: "C:\\Windows\\System32\\wbem\\WmiPrvSE.exe".into(),
        logon_id: None,
    };
    logged(0, 1, Activity::ProcessStart(Box::new(process)))
}

fn rule(logsource: &str, detection: &str) -> String {
    let indent = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "title: A test\nid: 11111111-0000-4000-8000-000000000001\nlogsource:\n{}detection:\n{}level: high\ntags:\n    - attack.t1047\n    - attack.lateral-movement\n",
        indent(logsource),
        indent(detection)
    )
}

fn compiled(logsource: &str, detection: &str) -> Rule {
    Rule::parse(&rule(logsource, detection)).remove(0).unwrap_or_else(|error| panic!("{error:?}"))
}

fn fits(logsource: &str, detection: &str, event: &Event) -> bool {
    let set = RuleSet::new(vec![compiled(logsource, detection)]).unwrap();
    let mut count = 0;
    set.hits(event, &mut Scratch::default(), |_| count += 1);
    count == 1
}

const PROCESS: &str = "category: process_creation\nproduct: windows";

#[test]
fn modifiers_place_texts_without_regard_to_case() {
    let event = process("cmd.exe /Q /c WHOAMI 1> \\\\127.0.0.1\\ADMIN$\\__16 2>&1");
    let fits = |detection: &str| fits(PROCESS, detection, &event);
    assert!(fits(
        "a:\n  ParentImage|endswith: '\\wmiprvse.exe'\n  CommandLine|contains|all:\n    - 'whoami'\n    - 'admin$'\ncondition: a"
    ));
    assert!(!fits("a:\n  CommandLine|contains|all:\n    - 'whoami'\n    - 'nltest'\ncondition: a"));
    assert!(!fits("a:\n  CommandLine|contains|cased: 'whoami'\ncondition: a"));
    assert!(fits("a:\n  CommandLine|startswith: 'CMD'\nb:\n  Image: '*\\cm?.exe'\ncondition: a and b"));
    assert!(fits("a:\n  CommandLine|re: '__\\d{2} 2>&1$'\ncondition: a"));
    assert!(fits("a:\n  CommandLine|contains|windash: ' -q '\ncondition: a"));
    assert!(fits("a:\n  Image|exists: true\n  OriginalFileName|exists: false\ncondition: a"));
    assert!(fits("k:\n  - 'WhoAmI'\n  - nothing\ncondition: k"));
}

#[test]
fn conditions_join_selections() {
    let event = process("nltest /dclist:lab");
    let body = "sel_a:\n  CommandLine|contains: nltest\nsel_b:\n  CommandLine|contains: dclist\nsel_c:\n  CommandLine|contains: absent\nfilter:\n  Image|endswith: '\\explorer.exe'\ncondition: ";
    let fits = |condition: &str| fits(PROCESS, &format!("{body}{condition}"), &event);
    assert!(fits("1 of sel_* and not filter"));
    assert!(!fits("all of sel_*"));
    assert!(fits("(sel_a and sel_b) or sel_c"));
    let counted = Rule::parse(&rule(PROCESS, &format!("{body}sel_a | count() > 0"))).remove(0);
    assert!(counted.is_err(), "aggregations of Sigma 1 are not taken for something else");
}

#[test]
fn numbers_addresses_and_logon_types_fit_as_records_write_them() {
    let logon = Logon { logon_type: LogonType::NewCredentials, process: "seclogo".into(), ..Logon::default() };
    let mut event = logged(0, 4624, Activity::Logon(Box::new(logon)));
    event.source = Some(Host::at("10.1.2.3".parse().unwrap()));
    let security = "product: windows\nservice: security";
    let fits = |detection: &str| fits(security, detection, &event);
    assert!(fits("a:\n  EventID: 4624\n  LogonType: 9\n  LogonProcessName: seclogo\ncondition: a"));
    assert!(!fits("a:\n  EventID: 4625\n  LogonType: 9\ncondition: a"));
    assert!(fits("a:\n  EventID:\n    - 4624\n    - 4625\n  IpAddress|cidr: 10.0.0.0/8\ncondition: a"));
    assert!(fits("a:\n  LogonType|gte: 9\n  LogonType|lt: 10\ncondition: a"));
    assert!(fits("a:\n  EventID: 4624\nf:\n  IpAddress: null\ncondition: a and not f"));
    assert!(
        !RuleSet::new(vec![compiled("product: windows\nservice: system", "a:\n  EventID: 4624\ncondition: a")])
            .unwrap()
            .rules()
            .is_empty()
    );
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let refused = |text: &str| Rule::parse(text).remove(0).err().map(|(_, error)| error);
    assert!(matches!(refused(&rule("product: linux", "a:\n  b: c\ncondition: a")), Some(Error::Product { .. })));
    assert!(matches!(refused(&rule(PROCESS, "a:\n  b|expand: '%c%'\ncondition: a")), Some(Error::Unsupported { .. })));
    assert!(matches!(refused(&rule(PROCESS, "a:\n  b|re: '('\ncondition: a")), Some(Error::Pattern { .. })));
    assert!(matches!(refused("title: only"), Some(Error::Parse { .. })));
    assert!(matches!(refused(": not yaml ["), Some(Error::Parse { .. })));
}

#[test]
fn a_rule_that_nothing_can_show_is_marked_blind() {
    let whole = compiled(PROCESS, "a:\n  CommandLine|contains: x\ncondition: a");
    assert_eq!(whole.reach, Reach::Whole);
    let partial = compiled(PROCESS, "a:\n  OriginalFileName: x.exe\ncondition: a");
    assert_eq!(partial.reach, Reach::Partial(vec!["originalfilename".into()]));
    let blind = compiled("category: registry_set\nproduct: windows", "a:\n  TargetObject|contains: x\ncondition: a");
    assert!(matches!(blind.reach, Reach::Blind(_)));
    assert!(matches!(
        compiled("product: windows\nservice: security", "a:\n  EventID: 4104\ncondition: a").reach,
        Reach::Blind(_)
    ));
}

#[test]
fn base64_is_found_at_every_offset() {
    for secret in ["whoami", "xwhoami", "xxwhoami"] {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(secret);
        let event = process(&format!("powershell -enc {text}"));
        assert!(fits(PROCESS, "a:\n  CommandLine|base64offset|contains: 'whoami'\ncondition: a", &event), "{secret}");
    }
    assert!(!fits(PROCESS, "a:\n  CommandLine|base64offset|contains: 'whoami'\ncondition: a", &process("whoami")));
}

#[test]
fn a_hit_is_an_alert_of_the_rule_and_is_excluded_like_any_other() {
    let yaml =
        rule("product: windows\nservice: system", "a:\n  EventID: 7045\n  ImagePath|contains: 'COMSPEC'\ncondition: a");
    let set = Arc::new(RuleSet::new(vec![Rule::parse(&yaml).remove(0).unwrap()]).unwrap());
    let service = |secs: i64| {
        let install =
            ServiceInstall { name: "x".into(), image_path: "%comspec% /c x".into(), ..ServiceInstall::default() };
        let mut event = logged(secs, 7045, Activity::ServiceInstall(Box::new(install)));
        event.actor = Some(Account::named("ann"));
        event
    };
    let run = |exclusions| {
        let disabled = crate::ALL.iter().map(|factory| factory.meta().slug.to_owned()).collect();
        let mut engine = Engine::new(&Settings { disabled, exclusions, ..Settings::default() }).unwrap();
        engine.set_rules(Arc::clone(&set));
        let snapshot = snapshot();
        assert!(engine.observe(&service(-600), &snapshot, Mode::Learning).is_empty());
        let mut changes = engine.observe(&service(0), &snapshot, Mode::Judging);
        changes.extend(engine.observe(&service(60), &snapshot, Mode::Judging));
        changes
    };
    let changes = run(Vec::new());
    assert!(matches!(changes.as_slice(), [AlertChange::Opened(_), AlertChange::Updated(_)]), "{changes:?}");
    let alert = changes[1].alert();
    assert_eq!((alert.detection.as_str(), alert.events), ("sigma:11111111-0000-4000-8000-000000000001", 2));
    assert_eq!(alert.techniques, ["T1047"]);
    let excluded = crate::exclusion::Exclusion {
        detections: vec![alert.detection.clone()],
        reason: "known".into(),
        ..crate::exclusion::Exclusion::default()
    };
    assert!(run(vec![excluded]).is_empty());
}

#[test]
fn the_index_finds_what_every_rule_by_itself_finds() {
    let words = ["alpha", "beta", "gamma", "delta"];
    let mut rules = Vec::new();
    for (number, word) in words.iter().enumerate() {
        for (kind, body) in [
            format!("a:\n  CommandLine|contains: '{word}'\ncondition: a"),
            format!("a:\n  CommandLine|contains: '{word}'\ncondition: not a"),
            format!("a:\n  CommandLine|endswith: '{word}'\nb:\n  Image|re: 'cmd'\ncondition: a or b"),
            format!("a:\n  Image|endswith: cmd.exe\nb:\n  CommandLine|contains: '{word}'\ncondition: a and b"),
            format!("a:\n  EventID: 1\n  CommandLine: '{word}*'\ncondition: a"),
        ]
        .into_iter()
        .enumerate()
        {
            let text = rule(PROCESS, &body).replace("000000000001", &format!("{number:06}{kind:06}"));
            rules.push(Rule::parse(&text).remove(0).unwrap());
        }
    }
    let set = RuleSet::new(rules).unwrap();
    for command in ["alpha beta", "x gamma", "DELTA", "", "nothing at all", "beta gammaalpha"] {
        let event = process(command);
        let record = Record::of(&event).unwrap();
        let slow: Vec<&str> = set
            .rules()
            .iter()
            .filter(|rule| rule.logs.take(&record) && rule.node.matches(&record))
            .map(|rule| rule.id.as_str())
            .collect();
        let mut fast = Vec::new();
        set.matching(&record, &mut Scratch::default(), |rule| fast.push(rule.id.as_str()));
        assert_eq!(fast, slow, "{command}");
    }
}

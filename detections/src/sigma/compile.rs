//! Compiles rules that `rsigma-parser` has read: log sources to channels and ids, selections to tests, conditions to one
//! tree without names.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hopwatch_model::Severity;
use regex::RegexBuilder;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Level, LogSource, Modifier, Quantifier, SelectorPattern, SigmaRule,
    SigmaString, SigmaValue, SpecialChar, StringPart, detection_name_matches, parse_sigma_yaml,
};

use super::matcher::{Case, Node, Order, Piece, Test};
use super::record::{Channel, Logs, kept, known_field};
use super::{Error, Reach, Rule};
use crate::frame::Phase;

/// The largest regular expression, compiled, in bytes.
const REGEX_BYTES: usize = 1 << 20;
/// How deep selections and conditions may nest.
const DEPTH: usize = 32;

/// The rules of a text.
pub(super) fn rules(text: &str) -> Vec<Result<Rule, (String, Error)>> {
    let collection = match parse_sigma_yaml(text) {
        Ok(collection) => collection,
        Err(error) => return vec![Err((String::new(), Error::Parse { reason: error.to_string() }))],
    };
    let mut all: Vec<_> =
        collection.rules.iter().map(|rule| compile(rule).map_err(|error| (rule.title.clone(), error))).collect();
    let unsupported = |title: &str, what: &str| Err((title.to_owned(), Error::Unsupported { what: what.into() }));
    all.extend(collection.correlations.iter().map(|rule| unsupported(&rule.title, "a correlation of rules")));
    all.extend(collection.filters.iter().map(|rule| unsupported(&rule.title, "a filter of other rules")));
    let broken = collection.errors.into_iter().map(|reason| Err((String::new(), Error::Parse { reason })));
    all.extend(broken);
    if all.is_empty() {
        all.push(Err((String::new(), Error::Parse { reason: "no rule is in it".into() })));
    }
    all
}

fn compile(rule: &SigmaRule) -> Result<Rule, Error> {
    let mut logs = logs(&rule.logsource)?;
    let unsupported = |what: &str| Error::Unsupported { what: what.into() };
    if rule.detection.conditions.is_empty() {
        return Err(unsupported("no condition"));
    }
    let conditions = rule.detection.conditions.iter().map(|condition| expression(condition, rule, 0));
    let node = one_or(conditions.collect::<Result<_, _>>()?, Node::Or);
    narrow(&mut logs, &node);
    let id = rule.id.clone().unwrap_or_else(|| digest(&rule.title));
    Ok(Rule {
        slug: format!("{}{id}", crate::RULE_PREFIX),
        id,
        title: rule.title.clone(),
        description: rule.description.clone().unwrap_or_default(),
        severity: match rule.level {
            Some(Level::Critical | Level::High) => Severity::High,
            Some(Level::Medium) | None => Severity::Medium,
            Some(Level::Low) => Severity::Low,
            Some(Level::Informational) => Severity::Informational,
        },
        techniques: rule.tags.iter().filter_map(|tag| technique(tag)).collect(),
        phase: rule.tags.iter().find_map(|tag| phase(tag)).unwrap_or(Phase::LateralMovement),
        false_positives: rule.falsepositives.clone(),
        reach: reach(&logs, &node),
        logs,
        node,
    })
}

/// FNV-1a of a title, for rules without an id.
fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

fn technique(tag: &str) -> Option<String> {
    let id = tag.to_ascii_lowercase().strip_prefix("attack.t")?.to_owned();
    id.starts_with(|first: char| first.is_ascii_digit()).then(|| format!("T{id}"))
}

fn phase(tag: &str) -> Option<Phase> {
    Some(match tag.to_ascii_lowercase().strip_prefix("attack.")?.replace('_', "-").as_str() {
        "initial-access" => Phase::InitialAccess,
        "reconnaissance" | "discovery" => Phase::Reconnaissance,
        "credential-access" => Phase::CredentialAccess,
        "lateral-movement" | "execution" => Phase::LateralMovement,
        "privilege-escalation" | "persistence" => Phase::DomainDominance,
        "exfiltration" | "collection" => Phase::Exfiltration,
        _ => return None,
    })
}

/// Sigma's services and categories of the Windows product as logs. A service that we never read is blind, not refused:
/// the rule is a good one for a source that may come.
fn logs(source: &LogSource) -> Result<Logs, Error> {
    if let Some(product) = source.product.as_ref().filter(|product| !product.eq_ignore_ascii_case("windows")) {
        return Err(Error::Product { product: product.clone() });
    }
    if let Some(category) = source.category.as_deref() {
        let ids = match category {
            "process_creation" => vec![(Channel::Sysmon, 1), (Channel::Security, 4688)],
            other => sysmon(other).ok_or_else(|| Error::Unsupported { what: format!("the category {other}") })?,
        };
        return Ok(Logs { channels: Vec::new(), ids });
    }
    let channels = match source.service.as_deref() {
        None => Vec::new(),
        Some("security") => vec![Channel::Security],
        Some("system") => vec![Channel::System],
        Some("sysmon") => vec![Channel::Sysmon],
        Some("ntlm") => vec![Channel::Ntlm],
        Some("taskscheduler") => vec![Channel::TaskScheduler],
        Some("directory-service" | "ldap_debug") => vec![Channel::DirectoryService],
        Some(other) => return Err(Error::Unsupported { what: format!("the log service {other}") }),
    };
    Ok(Logs { channels, ids: Vec::new() })
}

/// The ids of Sysmon's categories.
fn sysmon(category: &str) -> Option<Vec<(Channel, u32)>> {
    let ids: &[u32] = match category {
        "file_change" => &[2],
        "network_connection" => &[3],
        "sysmon_status" => &[4, 16],
        "process_termination" => &[5],
        "driver_load" => &[6],
        "image_load" => &[7],
        "create_remote_thread" => &[8],
        "raw_access_thread" => &[9],
        "process_access" => &[10],
        "file_event" => &[11],
        "registry_add" | "registry_delete" => &[12],
        "registry_set" => &[13],
        "registry_rename" => &[14],
        "registry_event" => &[12, 13, 14],
        "create_stream_hash" => &[15],
        "pipe_created" => &[17, 18],
        "wmi_event" => &[19, 20, 21],
        "dns_query" => &[22],
        "file_delete" => &[23, 26],
        "clipboard_capture" => &[24],
        "process_tampering" => &[25],
        _ => return None,
    };
    Some(ids.iter().map(|id| (Channel::Sysmon, *id)).collect())
}

/// Takes the event ids that a condition names into its logs, where it must be one of them.
fn narrow(logs: &mut Logs, node: &Node) {
    let Some(named) = ids(node) else { return };
    if logs.ids.is_empty() {
        const ALL: [Channel; 6] = [
            Channel::Security,
            Channel::System,
            Channel::Sysmon,
            Channel::Ntlm,
            Channel::TaskScheduler,
            Channel::DirectoryService,
        ];
        let channels: &[Channel] = if logs.channels.is_empty() { &ALL } else { &logs.channels };
        logs.ids = channels.iter().flat_map(|channel| named.iter().map(|id| (*channel, *id))).collect();
    } else {
        logs.ids.retain(|(_, id)| named.contains(id));
    }
}

/// The event ids of which a record must have one to fit; `None` where the condition does not say.
fn ids(node: &Node) -> Option<BTreeSet<u32>> {
    match node {
        Node::And(parts) => parts.iter().filter_map(ids).reduce(|a, b| a.intersection(&b).copied().collect()),
        Node::Or(parts) | Node::AtLeast(_, parts) => {
            let all: Option<Vec<BTreeSet<u32>>> = parts.iter().map(ids).collect();
            all.map(|all| all.into_iter().flatten().collect())
        }
        Node::Field { name, tests, .. } if name == "eventid" => {
            let id = |test: &Test| match test {
                Test::Equal(text, _) => text.parse().ok(),
                _ => None,
            };
            tests.iter().map(id).collect()
        }
        Node::Field { .. } | Node::Not(_) | Node::Anywhere(_) => None,
    }
}

/// What our events can show of a rule.
fn reach(logs: &Logs, node: &Node) -> Reach {
    let seen = logs.ids.iter().filter(|(channel, id)| kept(*channel, *id)).count();
    if !logs.ids.is_empty() && seen == 0 {
        let ids: BTreeSet<u32> = logs.ids.iter().map(|(_, id)| *id).collect();
        let ids: Vec<String> = ids.iter().take(8).map(ToString::to_string).collect();
        return Reach::Blind(format!("records with event id {} are not kept as events", ids.join(", ")));
    }
    let mut missing = BTreeSet::new();
    unknown(node, &mut missing);
    if missing.is_empty() { Reach::Whole } else { Reach::Partial(missing.into_iter().collect()) }
}

fn unknown(node: &Node, missing: &mut BTreeSet<String>) {
    match node {
        Node::And(parts) | Node::Or(parts) | Node::AtLeast(_, parts) => {
            parts.iter().for_each(|part| unknown(part, missing));
        }
        Node::Not(part) => unknown(part, missing),
        Node::Field { name, .. } if !known_field(name) => {
            missing.insert(name.clone());
        }
        Node::Field { .. } | Node::Anywhere(_) => {}
    }
}

fn one_or(mut parts: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match parts.pop() {
        Some(one) if parts.is_empty() => one,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

fn too_deep(depth: usize) -> Result<(), Error> {
    if depth > DEPTH {
        return Err(Error::Unsupported { what: format!("nesting deeper than {DEPTH}") });
    }
    Ok(())
}

fn expression(condition: &ConditionExpr, rule: &SigmaRule, depth: usize) -> Result<Node, Error> {
    too_deep(depth)?;
    let all = |parts: &[ConditionExpr]| {
        parts.iter().map(|part| expression(part, rule, depth + 1)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match condition {
        ConditionExpr::And(parts) => Node::And(all(parts)?),
        ConditionExpr::Or(parts) => Node::Or(all(parts)?),
        ConditionExpr::Not(part) => Node::Not(Box::new(expression(part, rule, depth + 1)?)),
        ConditionExpr::Identifier(name) => {
            let named = rule.detection.named.get(name);
            let missing = || Error::Unsupported { what: format!("the selection {name}, which is not there") };
            selection(named.ok_or_else(missing)?, depth + 1)?
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let wanted = |name: &&String| match pattern {
                SelectorPattern::Them => !name.starts_with('_'),
                SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
            };
            // By name, so that one text gives one tree.
            let names: BTreeSet<&String> = rule.detection.named.keys().filter(wanted).collect();
            if names.is_empty() {
                return Err(Error::Unsupported { what: "a condition that names no selection".into() });
            }
            let parts = names.iter().filter_map(|name| rule.detection.named.get(*name));
            let parts = parts.map(|part| selection(part, depth + 1)).collect::<Result<Vec<_>, _>>()?;
            match quantifier {
                Quantifier::Any => one_or(parts, Node::Or),
                Quantifier::All => one_or(parts, Node::And),
                Quantifier::Count(count) => Node::AtLeast(usize::try_from(*count).unwrap_or(usize::MAX).max(1), parts),
            }
        }
    })
}

fn selection(detection: &Detection, depth: usize) -> Result<Node, Error> {
    too_deep(depth)?;
    let all = |parts: &[Detection]| parts.iter().map(|part| selection(part, depth + 1)).collect::<Result<Vec<_>, _>>();
    Ok(match detection {
        Detection::AllOf(items) => one_or(items.iter().map(item).collect::<Result<_, _>>()?, Node::And),
        Detection::AnyOf(parts) => one_or(all(parts)?, Node::Or),
        Detection::And(parts) => one_or(all(parts)?, Node::And),
        Detection::Keywords(values) => Node::Anywhere(
            values
                .iter()
                .map(|value| tests(value, &[Modifier::Contains]))
                .collect::<Result<Vec<_>, _>>()?
                .concat_tests(),
        ),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            return Err(Error::Unsupported { what: "a test of members of a list".into() });
        }
    })
}

/// Joins lists of tests.
trait ConcatTests {
    fn concat_tests(self) -> Vec<Test>;
}

impl ConcatTests for Vec<Vec<Test>> {
    fn concat_tests(self) -> Vec<Test> {
        self.into_iter().flatten().collect()
    }
}

fn item(item: &DetectionItem) -> Result<Node, Error> {
    let modifiers = &item.field.modifiers;
    let all = modifiers.contains(&Modifier::All);
    let each = item.values.iter().map(|value| tests(value, modifiers)).collect::<Result<Vec<_>, _>>()?;
    let Some(name) = &item.field.name else {
        let each = each.into_iter().map(Node::Anywhere).collect();
        return Ok(one_or(each, if all { Node::And } else { Node::Or }));
    };
    let name = name.to_lowercase();
    // Variants of one value (encodings, dashes) are alternatives also where all values must be there.
    if all && each.iter().any(|variants| variants.len() > 1) {
        let part = |tests| Node::Field { name: name.clone(), tests, all: false };
        return Ok(Node::And(each.into_iter().map(part).collect()));
    }
    Ok(Node::Field { name, tests: each.concat_tests(), all })
}

/// The tests of one value: several where a modifier stands for variants.
fn tests(value: &SigmaValue, modifiers: &[Modifier]) -> Result<Vec<Test>, Error> {
    let has = |modifier| modifiers.contains(&modifier);
    let unsupported = |what: &str| Err(Error::Unsupported { what: what.into() });
    if let Some(wanted) = modifiers.iter().find(|modifier| foreign(**modifier)) {
        return unsupported(&format!("the modifier {wanted:?}").to_lowercase());
    }
    let mut found = match value {
        SigmaValue::Null => vec![Test::Null],
        SigmaValue::Bool(flag) if has(Modifier::Exists) => vec![Test::Exists(*flag)],
        SigmaValue::Bool(flag) => vec![Test::Equal(flag.to_string(), Case::Ignored)],
        SigmaValue::Integer(number) => vec![numeric(&number.to_string(), modifiers)?],
        SigmaValue::Float(number) => vec![numeric(&number.to_string(), modifiers)?],
        SigmaValue::String(text) => strings(text, modifiers)?,
    };
    if has(Modifier::Neq) {
        found = found.into_iter().map(|test| Test::Other(Box::new(test))).collect();
    }
    Ok(found)
}

/// Modifiers that nothing here can do.
fn foreign(modifier: Modifier) -> bool {
    matches!(
        modifier,
        Modifier::Expand
            | Modifier::Minute
            | Modifier::Hour
            | Modifier::Day
            | Modifier::Week
            | Modifier::Month
            | Modifier::Year
            | Modifier::Utf16be
    )
}

fn numeric(text: &str, modifiers: &[Modifier]) -> Result<Test, Error> {
    let order = modifiers.iter().find_map(|modifier| match modifier {
        Modifier::Gt => Some(Order::Greater),
        Modifier::Gte => Some(Order::GreaterOrEqual),
        Modifier::Lt => Some(Order::Less),
        Modifier::Lte => Some(Order::LessOrEqual),
        _ => None,
    });
    match order {
        Some(order) => {
            let bound = text.parse().map_err(|_| Error::Pattern { pattern: text.into() })?;
            Ok(Test::Number(order, bound))
        }
        None => Ok(placed(text.to_owned(), modifiers)),
    }
}

/// A plain text at the place that the modifiers say.
fn placed(text: String, modifiers: &[Modifier]) -> Test {
    let has = |modifier| modifiers.contains(&modifier);
    let (case, text) = match has(Modifier::Cased) {
        true => (Case::Kept, text),
        false => (Case::Ignored, text.to_lowercase()),
    };
    if has(Modifier::Contains) {
        Test::Contains(text, case)
    } else if has(Modifier::StartsWith) {
        Test::Starts(text, case)
    } else if has(Modifier::EndsWith) {
        Test::Ends(text, case)
    } else {
        Test::Equal(text, case)
    }
}

fn strings(value: &SigmaString, modifiers: &[Modifier]) -> Result<Vec<Test>, Error> {
    let has = |modifier| modifiers.contains(&modifier);
    if has(Modifier::Re) {
        let built = RegexBuilder::new(&value.original)
            .case_insensitive(has(Modifier::IgnoreCase))
            .multi_line(has(Modifier::Multiline))
            .dot_matches_new_line(has(Modifier::DotAll))
            .size_limit(REGEX_BYTES)
            .build();
        return Ok(vec![Test::Regex(built.map_err(|_| Error::Pattern { pattern: value.original.clone() })?)]);
    }
    if has(Modifier::Cidr) {
        return match crate::exclusion::is_subnet(&value.original) {
            true => Ok(vec![Test::Subnet(value.original.clone())]),
            false => Err(Error::Pattern { pattern: value.original.clone() }),
        };
    }
    if has(Modifier::FieldRef) {
        return Ok(vec![Test::SameAs(value.original.to_lowercase())]);
    }
    if has(Modifier::Exists) {
        return Ok(vec![Test::Exists(value.original.eq_ignore_ascii_case("true"))]);
    }
    if modifiers.iter().any(|modifier| matches!(modifier, Modifier::Gt | Modifier::Gte | Modifier::Lt | Modifier::Lte))
    {
        return Ok(vec![numeric(&value.original, modifiers)?]);
    }
    let encoded = has(Modifier::Base64) || has(Modifier::Base64Offset) || has(Modifier::Wide) || has(Modifier::Utf16);
    match value.as_plain() {
        Some(plain) if encoded => Ok(encodings(&plain, modifiers)),
        Some(plain) if has(Modifier::WindAsh) => {
            Ok(dashes(&plain).into_iter().map(|text| placed(text, modifiers)).collect())
        }
        Some(plain) => Ok(vec![placed(plain, modifiers)]),
        None if encoded => Err(Error::Unsupported { what: "wildcards in an encoded value".into() }),
        None => Ok(vec![pattern(value, modifiers)]),
    }
}

/// A value with wildcards: modifiers add them at its ends.
fn pattern(value: &SigmaString, modifiers: &[Modifier]) -> Test {
    let has = |modifier| modifiers.contains(&modifier);
    let case = if has(Modifier::Cased) { Case::Kept } else { Case::Ignored };
    let mut pieces = Vec::new();
    if has(Modifier::Contains) || has(Modifier::EndsWith) {
        pieces.push(Piece::Any);
    }
    pieces.extend(value.parts.iter().map(|part| match part {
        StringPart::Plain(text) if case == Case::Ignored => Piece::Text(text.to_lowercase()),
        StringPart::Plain(text) => Piece::Text(text.clone()),
        StringPart::Special(SpecialChar::WildcardMulti) => Piece::Any,
        StringPart::Special(SpecialChar::WildcardSingle) => Piece::One,
    }));
    if has(Modifier::Contains) || has(Modifier::StartsWith) {
        pieces.push(Piece::Any);
    }
    pieces.dedup_by(|a, b| *a == Piece::Any && *b == Piece::Any);
    Test::Wild(pieces, case)
}

/// The ways in which Windows programs take a switch: with `-`, `/`, and the longer dashes of pasted text.
fn dashes(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    for dash in ["-", "/", "\u{2013}", "\u{2014}", "\u{2015}"] {
        // Only a dash that begins a word begins a switch.
        let changed = match text.strip_prefix(['-', '/']) {
            Some(rest) => format!("{dash}{rest}"),
            None => text.replace(" -", &format!(" {dash}")).replace(" /", &format!(" {dash}")),
        };
        if !all.contains(&changed) {
            all.push(changed);
        }
    }
    all
}

/// The value as it looks in Base64, at each of the three offsets where the rule asks for them.
fn encodings(text: &str, modifiers: &[Modifier]) -> Vec<Test> {
    let has = |modifier| modifiers.contains(&modifier);
    let wide = has(Modifier::Wide) || has(Modifier::Utf16);
    let bytes: Vec<u8> = match wide {
        true => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        false => text.bytes().collect(),
    };
    let contains = |text: String| Test::Contains(text, Case::Kept);
    if has(Modifier::Base64Offset) {
        return (0..3_usize).map(|offset| contains(at_offset(&bytes, offset))).collect();
    }
    if has(Modifier::Base64) {
        return vec![contains(STANDARD_NO_PAD.encode(&bytes))];
    }
    // Wide text that is not encoded is stored as such: compared as text.
    vec![placed(text.to_owned(), modifiers)]
}

/// The characters of a Base64 text that bytes alone decide when so many other bytes precede them.
fn at_offset(bytes: &[u8], offset: usize) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(bytes);
    let encoded = STANDARD_NO_PAD.encode(&padded);
    let first = [0, 2, 3].get(offset).copied().unwrap_or(0);
    // Of the last group only the characters whose six bits are all of ours.
    let whole = padded.len() * 8 / 6;
    encoded.get(first..whole).unwrap_or_default().to_owned()
}

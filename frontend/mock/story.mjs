/** Alerts, events, findings, reports and sources of the made-up estate. */
import {
  ago,
  backupOps,
  byName,
  dc1,
  dcs,
  domain,
  edges,
  jdoe,
  kali,
  NOW,
  rng,
  servers,
  srv1,
  staff,
  stations,
  svcBackup,
  svcSql,
  ws1,
} from "./estate.mjs";

const random = rng(99);
const pick = (list) => list[Math.floor(random() * list.length)];
const part = (name, value, contribution, text) => ({ name, value, contribution, text });
const account = (entity, name) => ({
  name: name ?? entity.name.split("@")[0].toLowerCase(),
  domain: "LAB.EXAMPLE",
  sid: entity.id,
  entity,
});
const host = (entity, address, method = "kerberos", certainty = "certain") => ({
  name: entity.name.split(".")[0].toLowerCase(),
  address,
  certainty,
  method,
  entity,
});
const evidence = (minutes, source, record, sourceKind, eventId, note) => ({
  time: ago(minutes),
  source,
  record,
  sourceKind,
  eventId,
  note,
});
const W1 = "10.20.1.17";
const DC = "10.20.0.10";

export const MANUALS = [
  [
    "malicious-replication",
    "Malicious replication of directory services",
    2006,
    "HIGH",
    "Credential access",
    ["T1003.006"],
    ["disable the account", "isolate the source host", "rotate krbtgt twice", "remove the replication rights"],
  ],
  [
    "pass-the-ticket",
    "Pass the ticket",
    2018,
    "HIGH",
    "Lateral movement",
    ["T1550.003"],
    ["reset the account's password twice", "isolate both hosts"],
  ],
  [
    "attack-path-in-progress",
    "Attack path in progress",
    null,
    "HIGH",
    "Lateral movement",
    ["T1021"],
    ["cut the next hop"],
  ],
  [
    "kerberoasting",
    "Kerberoasting",
    2410,
    "MEDIUM",
    "Credential access",
    ["T1558.003"],
    ["use managed accounts for services"],
  ],
  [
    "password-spray",
    "Password spray",
    2023,
    "MEDIUM",
    "Credential access",
    ["T1110.003"],
    ["block the source", "look for a success"],
  ],
  [
    "samr-reconnaissance",
    "SAM-R reconnaissance",
    2021,
    "MEDIUM",
    "Discovery",
    ["T1087.002", "T1069.002"],
    ["ask the user", "restrict remote SAM calls"],
  ],
  ["account-enumeration", "Account enumeration", 2003, "MEDIUM", "Discovery", ["T1087.002"], ["isolate the source"]],
  ["exposure-increase", "Exposure increase", null, "MEDIUM", "Persistence", ["T1098"], ["take the right back"]],
  ["suspicious-vpn", "Suspicious VPN connection", 2025, "MEDIUM", "Initial access", ["T1133"], ["call the user"]],
  ["weak-protocol", "Weak protocol in use", null, "LOW", "Discovery", ["T1557"], ["turn off NTLMv1"]],
  ["tier-violation", "Tier violation", null, "LOW", "Credential access", ["T1078"], ["log the account off"]],
].map(([slug, title, externalId, severity, phase, techniques, whatToDo]) => ({
  slug,
  title,
  externalId,
  severity,
  phase,
  techniques,
  whatToDo,
  manual: `# ${title}\n\n## What it finds\n\n${slug === "malicious-replication" ? "A principal or host that is no domain controller asks one for the directory's secrets through `DRSGetNCChanges` (opnum 3) or uses the replication rights (event 4662)." : `Activity of the shape *${title.toLowerCase()}*, decided on the wire or from Windows events alone.`}\n\n## Evidence it needs\n\n- capture of traffic to the domain controllers, or\n- event 4662 with *Directory Service Access* auditing\n\n## How it decides\n\nThe source's address is resolved first; an unresolved source lowers the score by 20. State: one entry per actor and host, at most 10 000.\n\n| threshold | value | moves |\n|---|---|---|\n| window | 10 min | shorter: more alerts |\n\n## Blind spots\n\nTraffic that no sensor sees.\n\n## Likely benign causes\n\nEntra Connect, backup products, a controller being promoted.\n\n## References\n\nATT&CK ${techniques.join(", ")}; [MS-DRSR] 4.1.10.\n`,
}));
const manual = (slug) => MANUALS.find((one) => one.slug === slug);

let serial = 0;
export const alerts = [];
export function alert(slug, minutes, extra) {
  const about = manual(slug);
  const made = {
    id: `a${String(++serial).padStart(4, "0")}`,
    detection: slug,
    title: about.title,
    externalId: about.externalId,
    severity: about.severity,
    state: "OPEN",
    classification: null,
    assignee: null,
    comment: null,
    firstAt: ago(minutes),
    lastAt: ago(minutes),
    updatedAt: ago(minutes),
    actor: null,
    source: null,
    targetHost: null,
    target: null,
    score: 70,
    techniques: about.techniques,
    actions: about.whatToDo,
    reasons: [],
    evidence: [],
    eventCount: 1,
    ...extra,
  };
  alerts.push(made);
  return made;
}

alert("malicious-replication", 12, {
  actor: account(svcBackup),
  source: host(ws1, W1),
  targetHost: host(dc1, DC),
  target: "the directory's secrets",
  score: 97,
  eventCount: 14,
  lastAt: ago(11.4),
  explanation:
    "svc_backup asked dc1 for the directory's secrets (DRSGetNCChanges) from ws1, which is no domain controller. The directory does grant it: DCSync by group Backup-Ops.",
  reasons: [
    part("not_a_dc", 1, 45, "ws1 is no domain controller (list of 2)"),
    part("first_seen", 41, 28, "first replication by svc_backup in 41 days"),
    part("peers", 0, 16, "0 of 23 peers ever replicated"),
    part("path", 1, 14, "the act ends at Tier Zero"),
    part("granted", 1, -6, "the directory grants DCSync by Backup-Ops"),
  ],
  evidence: [
    evidence(
      12,
      "lab.pcap",
      "frame 4711",
      "pcap",
      null,
      "DRSUAPI opnum 3 DRSGetNCChanges request, 10.20.1.17 → 10.20.0.10",
    ),
    evidence(12, "lab.pcap", "frame 4702", "pcap", null, "DRSUAPI bind with Kerberos as svc_backup"),
    evidence(
      11.9,
      "Security.evtx",
      "record 88123",
      "evtx",
      4662,
      "DS-Replication-Get-Changes-All used on DC=lab,DC=example",
    ),
    evidence(13, "Security.evtx", "record 88101", "evtx", 4624, "logon type 3 of svc_backup from 10.20.1.17"),
  ],
});
alert("pass-the-ticket", 13, {
  actor: account(svcBackup),
  source: host(ws1, W1),
  targetHost: host(dc1, DC),
  target: "ldap/dc1.lab.example",
  score: 91,
  eventCount: 3,
  explanation:
    "kali used a ticket of svc_backup that was issued to srv1: the same ticket was seen from two hosts within 40 s.",
  reasons: [
    part("two_hosts", 2, 60, "one ticket from srv1 and ws1"),
    part("resolution", 1, 20, "both hosts resolved with certainty"),
    part("nat", 0, 11, "neither address is shared"),
  ],
  evidence: [
    evidence(13, "lab.pcap", "frame 4655", "pcap", null, "TGS-REQ with the ticket, from 10.20.1.17"),
    evidence(13.6, "lab.pcap", "frame 4102", "pcap", null, "AS-REP that issued it, to 10.20.0.31"),
  ],
});
alert("attack-path-in-progress", 14, {
  actor: account(jdoe),
  source: host(ws1, W1),
  targetHost: host(dc1, DC),
  target: "DOMAIN ADMINS",
  score: 88,
  eventCount: 6,
  state: "IN_PROGRESS",
  assignee: "ana",
  explanation:
    "j.doe stands two hops from Tier Zero: from ws1 the session of svc_backup leads to DCSync on LAB.EXAMPLE.",
  reasons: [
    part("hop", 2, 50, "hop 2 of 4 of a possible path"),
    part("distance", -2, 38, "distance to Tier Zero fell from 4 to 2"),
  ],
  evidence: [evidence(14, "lab.pcap", "frame 4490", "pcap", null, "SMB session of j.doe to ws1 as administrator")],
});
for (const [slug, minutes, actor, from] of [
  ["kerberoasting", 95, jdoe, ws1],
  ["password-spray", 340, null, kali],
  ["samr-reconnaissance", 410, staff[11], stations[8]],
  ["account-enumeration", 466, null, kali],
  ["exposure-increase", 1560, staff[2], stations[3]],
  ["suspicious-vpn", 2100, staff[40], null],
  ["weak-protocol", 2900, svcSql, stations[6]],
  ["tier-violation", 3300, byName.get("administrator@lab.example"), servers[4]],
]) {
  const who = actor === null ? "10.20.4.66" : actor.name.split("@")[0].toLowerCase();
  alert(slug, minutes, {
    actor: actor && account(actor),
    source:
      from &&
      (from.kind === "Address"
        ? { name: null, address: from.name, certainty: "unresolved", method: "none", entity: from }
        : host(from, "10.20.1.40", "dhcp", "likely")),
    targetHost: host(dc1, DC),
    score: 55 + Math.round(random() * 25),
    eventCount: 1 + Math.floor(random() * 90),
    state: minutes > 2000 ? "CLOSED" : "OPEN",
    classification: minutes > 2000 ? "BENIGN_TRUE_POSITIVE" : null,
    explanation: {
      kerberoasting: `${who} asked dc1 for service tickets of 14 accounts in 3 s, all with RC4.`,
      "password-spray": `${who} tried 2 passwords on 118 accounts; one of them, s.thoma, let it in.`,
      "samr-reconnaissance": `${who} listed the members of 9 sensitive groups through SAMR for the first time.`,
      "account-enumeration": `${who} asked for 412 names, of which 377 do not exist.`,
      "exposure-increase": `${who} gave svc_sql full control of DOMAIN ADMINS: 41 principals gained a path to Tier Zero.`,
      "suspicious-vpn": `${who} connected from a country never seen for this account.`,
      "weak-protocol": `${who} logged on with NTLMv1.`,
      "tier-violation": `administrator has a session on srv5, a host of a lower tier.`,
    }[slug],
    reasons: [
      part("rate", 14, 30, "14 in 3 s; its own 99th percentile is 2"),
      part("history", 0, 25, "never before in 41 days"),
    ],
    evidence: [
      evidence(minutes, "lab.pcap", `frame ${2000 + minutes}`, "pcap", null, "first record"),
      evidence(minutes, "Security.evtx", `record ${80000 - minutes}`, "evtx", 4769, "first record of the log"),
    ],
  });
}
for (let i = 0; i < 130; i++) {
  const who = pick(staff);
  alert(
    pick(["weak-protocol", "samr-reconnaissance", "kerberoasting", "password-spray", "tier-violation"]),
    3500 + i * 260,
    {
      actor: account(who),
      source: host(pick(stations), `10.20.3.${i}`, "dhcp", "likely"),
      targetHost: host(dc1, DC),
      state: "CLOSED",
      classification: pick(["FALSE_POSITIVE", "BENIGN_TRUE_POSITIVE", "TRUE_POSITIVE"]),
      score: 40 + Math.round(random() * 40),
      explanation: `${who.name.split("@")[0].toLowerCase()} used an old way of signing in on its own workstation.`,
      evidence: [evidence(3500 + i * 260, "Security.evtx", `record ${50_000 - i}`, "evtx", 4624, "logon")],
      reasons: [part("history", 1, 20, "rare for this account")],
    },
  );
}

export const events = [];
function event(minutes, what, actor, source, target, outcome, summary, extra = {}) {
  const kind = extra.eventId ? "evtx" : "pcap";
  const made = {
    id: `e${events.length + 1}`,
    time: ago(minutes),
    what,
    actor,
    source,
    target,
    outcome,
    summary,
    evidence: {
      time: ago(minutes),
      source: kind === "evtx" ? "Security.evtx" : "lab.pcap",
      record: kind === "evtx" ? `record ${90_000 - events.length}` : `frame ${5000 - events.length}`,
      sourceKind: kind,
      eventId: extra.eventId ?? null,
      note: summary,
    },
  };
  made.json = JSON.stringify(
    { time: made.time, what, actor: actor?.name, host: source?.name, target: target?.name, outcome, summary },
    null,
    2,
  );
  events.push(made);
}
const dcHost = host(dc1, DC);
event(
  11.4,
  "rpc_call",
  account(svcBackup),
  host(ws1, W1),
  dcHost,
  "success",
  "DRSUAPI DRSGetNCChanges (opnum 3), 14 calls",
);
event(
  11.9,
  "directory_access",
  account(svcBackup),
  host(ws1, W1),
  dcHost,
  "success",
  "4662 DS-Replication-Get-Changes-All",
  { eventId: 4662 },
);
event(12.1, "rpc_call", account(svcBackup), host(ws1, W1), dcHost, "success", "DRSUAPI DRSBind (opnum 0)");
event(
  12.4,
  "ticket_use",
  account(svcBackup),
  host(ws1, W1),
  dcHost,
  "success",
  "service ticket for ldap/dc1.lab.example",
);
event(13, "tgs_exchange", account(svcBackup), host(ws1, W1), dcHost, "success", "TGS-REQ ldap/dc1.lab.example, AES256");
event(
  13.6,
  "as_exchange",
  account(svcBackup),
  host(srv1, "10.20.0.31"),
  dcHost,
  "success",
  "AS-REQ as svc_backup, AES256",
);
event(
  14,
  "smb_session",
  account(jdoe),
  host(ws1, W1),
  host(srv1, "10.20.0.31"),
  "success",
  "SMB3 session as administrator",
);
event(
  15,
  "logon",
  account(jdoe),
  { name: null, address: "10.20.4.66", certainty: "unresolved", method: "none", entity: kali },
  host(ws1, W1),
  "success",
  "logon type 3, NTLMv2",
  { eventId: 4624 },
);
for (let i = 0; i < 600; i++) {
  const who = pick(staff);
  const bad = random() < 0.06;
  event(
    16 + i * 7 * random() * 2,
    pick(["logon", "as_exchange", "tgs_exchange", "ldap_search", "smb_session", "dns_query", "ntlm_logon"]),
    account(who),
    host(pick(stations), `10.20.2.${i % 250}`, "dhcp", "likely"),
    host(pick(dcs), DC),
    bad ? "failure 0x18" : "success",
    bad ? "pre-authentication failed" : "as every day",
  );
}
events.sort((a, b) => b.time.localeCompare(a.time));

export const chokePoints = [
  ["HELPDESK@LAB.EXAMPLE", "GenericAll", 39, 9.3],
  ["WS7.LAB.EXAMPLE", "HasSession", 9, 2.1],
  ["VPN-USERS@LAB.EXAMPLE", "ADCSESC1", 8, 1.9],
  ["BACKUP-OPS@LAB.EXAMPLE", "DCSync", 5, 1.2],
  ["PRINT-OPS@LAB.EXAMPLE", "GenericWrite", 3, 0.7],
].flatMap(([name, kind, principalsCutOff, exposureRemovedPercent]) => {
  const edge = edges.find((one) => one.source.name === name && one.kind === kind);
  return edge ? [{ edge, principalsCutOff, exposureRemovedPercent }] : [];
});

export const findings = [
  [
    "f1",
    "dcsync-non-dc",
    "HIGH",
    "1 group that is no controller may replicate secrets",
    [backupOps],
    "remove both replication rights",
    ["Backup-Ops: DS-Replication-Get-Changes-All on DC=lab,DC=example"],
  ],
  [
    "f2",
    "adcs-esc1",
    "HIGH",
    "Template VPN-CLIENT lets the enrollee name the subject",
    [byName.get("vpn-client@lab.example")],
    "forbid subjects supplied by the enrollee",
    ["msPKI-Certificate-Name-Flag = 1"],
  ],
  [
    "f3",
    "kerberoastable-privileged",
    "MEDIUM",
    "2 privileged accounts have a service principal name",
    [svcSql, svcBackup],
    "use group managed service accounts",
    ["servicePrincipalName is set"],
  ],
  [
    "f4",
    "stale-accounts",
    "LOW",
    "57 enabled accounts have not signed in for 90 days",
    staff.slice(50, 107),
    "disable them",
    ["lastLogonTimestamp older than 90 days"],
  ],
  [
    "f5",
    "smb-signing-off",
    "MEDIUM",
    "12 servers do not require SMB signing",
    servers.slice(8, 20),
    "require signing by policy",
    ["negotiate response without SIGNING_REQUIRED"],
  ],
].map(([id, detection, severity, title, exposed, remediation, ev]) => ({
  id,
  detection,
  severity,
  title,
  exposed,
  remediation,
  evidence: ev,
  seenAt: ago(40),
}));

export const sources = [
  {
    name: "dc1 mirror port",
    kind: "capture",
    read: 41_122_090,
    events: 91_204,
    firstEventAt: ago(60 * 24 * 41),
    lastEventAt: ago(0.1),
    dropped: [
      { reason: "flow table full", count: 0 },
      { reason: "not Kerberos, NTLM, LDAP, SMB or DNS", count: 31_900_411 },
    ],
    error: null,
  },
  {
    name: "dc1 Security.evtx",
    kind: "evtx",
    read: 88_123,
    events: 80_911,
    firstEventAt: ago(60 * 24 * 41),
    lastEventAt: ago(0.4),
    dropped: [{ reason: "event id without meaning here", count: 7211 }],
    error: null,
  },
  {
    name: "dc2 Security.evtx",
    kind: "evtx",
    read: 60_010,
    events: 55_001,
    firstEventAt: ago(60 * 24 * 41),
    lastEventAt: ago(3),
    dropped: [],
    error: null,
  },
  {
    name: "20261120_bloodhound.zip",
    kind: "directory",
    read: 812,
    events: 0,
    firstEventAt: null,
    lastEventAt: ago(60 * 30),
    dropped: [],
    error: null,
  },
  {
    name: "vpn gateway",
    kind: "radius",
    read: 0,
    events: 0,
    firstEventAt: null,
    lastEventAt: null,
    dropped: [],
    error: "no packet since the start: is accounting sent to port 1813?",
  },
];
export const coverageGaps = [
  { subject: "dc2", reason: "event 4662 absent: auditing of directory service access is off", count: 1 },
  { subject: "ldap.dc1", reason: "sealed LDAP sessions: searches not readable", count: 4120 },
  { subject: "SYSVOL", reason: "not collected: policy findings are not judged", count: 1 },
];
export const learning = [
  ["samr-reconnaissance", false, 71, "ready in 6 d: 15 of 21 days seen"],
  ["suspicious-logon", true, 100, "41 days of 430 accounts"],
  ["brute-force", true, 100, "41 days"],
  ["suspicious-vpn", false, 0, "waits for the first VPN event"],
  ["encryption-downgrade", true, 100, "41 days"],
].map(([detection, ready, progressPercent, detail]) => ({ detection, ready, progressPercent, detail }));
export const oddest = [
  [jdoe, 87],
  [svcBackup, 81],
  [staff[11], 44],
  [svcSql, 39],
  [staff[40], 31],
].map(([entity, score]) => ({
  entity,
  score,
  parts: [
    part("new_host", 3, score * 0.6, "3 hosts never used before; its 99th percentile is 1"),
    part("hour", 2, score * 0.4, "active at 02:00, never before"),
  ],
}));

export const reports = Array.from({ length: 9 }, (_, i) =>
  report(i % 3 === 2 ? "weekly-posture" : "daily-alerts", 60 * 24 * i + 434, "schedule"),
);
export function report(name, minutes, trigger) {
  const id = `r${Math.round(NOW / 1000 - minutes * 60)}-${name}`;
  return {
    id,
    name,
    title: name === "weekly-posture" ? "Posture of the week" : "Alerts of the day",
    createdAt: ago(minutes),
    trigger,
    files: ["html", "xlsx", "pdf"].map((format, at) => ({
      format,
      url: `/reports/${id}.${format}`,
      sizeBytes: 18_000 + at * 21_411,
    })),
  };
}
export const schedules = [
  { name: "daily-alerts", title: "Alerts of the day", cron: "0 7 * * *", nextRunAt: ago(-1006), lastRunAt: ago(434) },
  {
    name: "weekly-posture",
    title: "Posture of the week",
    cron: "0 7 * * 1",
    nextRunAt: ago(-1006),
    lastRunAt: ago(60 * 24 * 6),
  },
];
export { domain };

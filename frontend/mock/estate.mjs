/**
 * A made-up estate for development and tests of the viewer: about 800 nodes of LAB.EXAMPLE with rights, sessions and
 * the story of a stolen service account. Deterministic: the same seed gives the same estate. Not part of the product.
 */

export const NOW = process.env.HOPWATCH_MOCK_NOW ? Date.parse(process.env.HOPWATCH_MOCK_NOW) : Date.now();
export const ago = (minutes) => new Date(NOW - minutes * 60_000).toISOString().replace("Z", "000Z");

export function rng(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const random = rng(4711);
const pick = (list) => list[Math.floor(random() * list.length)];
const SID = "S-1-5-21-3623811015-3361044348-30300820";
const REALM = "LAB.EXAMPLE";

export const KINDS = {
  Base: ["circle", "an object of which only the identifier is known"],
  User: ["circle", "a user account, also managed and delegated service accounts"],
  Computer: ["square", "a computer account"],
  Group: ["hexagon", "a security group"],
  ADLocalGroup: ["hexagon", "a local group of a computer"],
  Domain: ["domain", "an Active Directory domain"],
  GPO: ["page", "a group policy object"],
  OU: ["bracket", "an organizational unit"],
  Container: ["bracket", "a container"],
  EnterpriseCA: ["seal", "an enterprise certification authority that enrols"],
  CertTemplate: ["seal", "a certificate template"],
  Address: ["diamond", "a network address that was not resolved to a host"],
  AZUser: ["cloud", "an Entra ID user"],
  AZTenant: ["cloud", "an Entra ID tenant"],
};

/** kind: [origin, traversable, cost, help, remediation] */
export const EDGES = {
  MemberOf: ["RAW", true, 0, "is a member of the group", "remove the membership"],
  Contains: [
    "RAW",
    true,
    3,
    "holds the object and passes on rights and policy",
    "move the object or block inheritance",
  ],
  GPLink: ["RAW", true, 3, "applies its policy to the container", "unlink the policy or restrict who may edit it"],
  HasSession: [
    "RAW",
    true,
    20,
    "keeps the account's credential in memory",
    "log the account off and keep it off lower tiers",
  ],
  AdminTo: ["DERIVED", true, 5, "is an administrator of the computer", "remove it from the local Administrators"],
  CanRDP: ["DERIVED", true, 15, "may open a desktop on the computer", "remove it from Remote Desktop Users"],
  DCSync: ["DERIVED", true, 3, "may replicate every secret of the domain", "remove both replication rights"],
  GetChanges: ["RAW", false, 0, "may replicate the directory without secrets", "remove the extended right"],
  GetChangesAll: ["RAW", false, 0, "may replicate secrets, given GetChanges", "remove the extended right"],
  GenericAll: ["RAW", true, 4, "has full control", "remove the access control entry"],
  GenericWrite: ["RAW", true, 6, "may write any attribute", "remove the access control entry"],
  WriteDacl: ["RAW", true, 5, "may grant itself any right", "remove the access control entry"],
  Owns: ["DERIVED", true, 5, "owns the object and may grant itself any right", "give ownership to Domain Admins"],
  ForceChangePassword: [
    "RAW",
    true,
    8,
    "may set a new password without the old one",
    "remove the access control entry",
  ],
  DCFor: ["RAW", true, 5, "is a domain controller of the domain", "none: protect it as Tier Zero"],
  ADCSESC1: ["DERIVED", true, 5, "may enrol for any subject", "forbid subjects supplied by the enrollee"],
  LogonTo: ["RAW", false, 0, "logged on to the computer", "none: it is an observation"],
  LoggedOnFrom: ["RAW", false, 0, "was the source of logons of the account", "none: it is an observation"],
  ConnectedTo: ["RAW", false, 0, "opened authenticated connections to the computer", "none: it is an observation"],
  HasAddress: ["RAW", false, 0, "had the address", "none: it is an observation"],
  SyncedToEntraUser: [
    "DERIVED",
    true,
    10,
    "is synchronised to the cloud account",
    "use cloud-only accounts for cloud roles",
  ],
};

export const nodes = new Map();
export const edges = [];
export const byName = new Map();
let rid = 1103;

function node(kind, name, extra = {}) {
  const id = extra.id ?? (["User", "Computer", "Group"].includes(kind) ? `${SID}-${rid++}` : guid());
  const made = {
    id,
    kind,
    name,
    domain: kind.startsWith("AZ") || kind === "Address" ? null : REALM,
    enabled: kind === "User" || kind === "Computer" ? random() > 0.04 : null,
    tierZero: false,
    tierZeroReason: null,
    owned: false,
    sensitive: false,
    firstSeenAt: ago(60 * 24 * (30 + random() * 10)),
    lastSeenAt: ago(random() ** 3 * 60 * 24 * 45),
    ...extra,
  };
  nodes.set(id, made);
  byName.set(name.toLowerCase(), made);
  return made;
}

function guid() {
  const hex = (size) => Array.from({ length: size }, () => Math.floor(random() * 16).toString(16)).join("");
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`.toUpperCase();
}

export function edge(source, kind, target, extra = {}) {
  const [origin, traversable, cost, help, remediation] = EDGES[kind];
  const observed = ["HasSession", "LogonTo", "LoggedOnFrom", "ConnectedTo", "HasAddress"].includes(kind);
  const first = ago(60 * 24 * (41 * random()));
  const made = {
    id: `${source.id}|${kind}|${target.id}`,
    kind,
    origin,
    observed,
    source,
    target,
    firstSeenAt: first,
    lastSeenAt: observed ? ago(random() ** 2 * 60 * 24 * 7) : ago(30),
    endedAt: null,
    count: observed ? 1 + Math.floor(random() ** 3 * 400) : 1,
    sources: observed ? ["lab.pcap"] : ["20261120_bloodhound.zip"],
    cost,
    traversable,
    help,
    remediation,
    properties: [],
    composition: [],
    ...extra,
  };
  if (made.firstSeenAt > made.lastSeenAt) made.firstSeenAt = made.lastSeenAt;
  edges.push(made);
  return made;
}

const zero = (reason) => ({ tierZero: true, tierZeroReason: reason, enabled: null });
const FIRST =
  "anna ben carla david emil fatma georg hana ines jan kira leon mara nils olga paul rosa sami tina uwe vera willi yara zoe".split(
    " ",
  );
const LAST =
  "albrecht berger conrad doe ernst fischer gruber haas ivanov jansen keller lang meyer novak otto peters quast richter schmidt thoma urban vogel weiss zimmer".split(
    " ",
  );

export const domain = node("Domain", REALM, { id: SID, ...zero("the domain itself") });
export const da = node("Group", `DOMAIN ADMINS@${REALM}`, { id: `${SID}-512`, ...zero("administers the domain") });
const ea = node("Group", `ENTERPRISE ADMINS@${REALM}`, { id: `${SID}-519`, ...zero("administers the forest") });
const adm = node("Group", `ADMINISTRATORS@${REALM}`, {
  id: `${REALM}-S-1-5-32-544`,
  ...zero("administers the domain controllers"),
});
const admin = node("User", `ADMINISTRATOR@${REALM}`, {
  id: `${SID}-500`,
  ...zero("built-in administrator"),
  enabled: true,
});
const krbtgt = node("User", `KRBTGT@${REALM}`, {
  id: `${SID}-502`,
  ...zero("holds the key of every ticket"),
  enabled: false,
});
const users = node("Group", `DOMAIN USERS@${REALM}`, { id: `${SID}-513` });
export const dcs = ["DC1", "DC2"].map((name) =>
  node("Computer", `${name}.${REALM}`, { ...zero("domain controller"), enabled: true }),
);
const ous = [
  "DOMAIN CONTROLLERS",
  "SERVERS",
  "WORKSTATIONS",
  "STAFF",
  "SERVICE ACCOUNTS",
  "ADMINS",
  "BRANCH NORTH",
  "BRANCH SOUTH",
].map((name) => node("OU", `${name}@${REALM}`));
ous[0].tierZero = true;
ous[0].tierZeroReason = "holds the domain controllers";
edge(da, "MemberOf", adm);
edge(ea, "MemberOf", adm);
edge(admin, "MemberOf", da);
edge(da, "GenericAll", domain);
edge(adm, "WriteDacl", domain);
for (const dc of dcs) edge(dc, "DCFor", domain);
for (const ou of ous) edge(domain, "Contains", ou);
edge(domain, "Contains", krbtgt);

export const staff = [];
for (let i = 0; i < 430; i++) {
  const name = `${pick(FIRST)}.${pick(LAST)}${i > 200 ? i % 97 : ""}`.toUpperCase();
  const user = node("User", `${name}@${REALM}`);
  staff.push(user);
  edge(user, "MemberOf", users);
  edge(ous[3 + (i % 5)], "Contains", user);
}
export const servers = [];
for (let i = 1; i <= 40; i++) servers.push(node("Computer", `SRV${i}.${REALM}`));
export const stations = [];
for (let i = 1; i <= 190; i++) stations.push(node("Computer", `WS${i}.${REALM}`));
for (const [i, one] of servers.entries()) edge(i < 6 ? ous[1] : ous[1 + (i % 2) * 5], "Contains", one);
for (const [i, one] of stations.entries()) edge(ous[2 + (i % 2) * 4], "Contains", one);
const groups = [];
for (const name of "HELPDESK,SERVER-ADMINS,WORKSTATION-ADMINS,BACKUP-OPS,SQL-ADMINS,PKI-ADMINS,SALES,FINANCE,HR,DEVELOPERS,VPN-USERS,PRINT-OPS".split(
  ",",
))
  groups.push(node("Group", `${name}@${REALM}`));
for (let i = 1; i <= 60; i++)
  groups.push(node("Group", `APP-${String(i).padStart(2, "0")}-${pick(["RW", "RO", "ADM"])}@${REALM}`));
for (const user of staff)
  for (let i = 0; i < 2; i++) edge(user, "MemberOf", groups[6 + Math.floor(random() * (groups.length - 6))]);
for (const user of staff.slice(0, 14)) edge(user, "MemberOf", groups[0]);
for (const user of staff.slice(14, 19)) edge(user, "MemberOf", groups[1]);
for (const user of staff.slice(19, 30)) edge(user, "MemberOf", groups[2]);
for (const one of servers) edge(groups[1], "AdminTo", one);
for (const one of stations) edge(groups[2], "AdminTo", one);
edge(groups[0], "GenericAll", ous[1]);
edge(groups[0], "ForceChangePassword", staff[15]);
for (const one of stations) if (random() < 0.85) edge(one, "HasSession", pick(staff));
for (const one of servers) if (random() < 0.5) edge(one, "HasSession", pick(staff.slice(0, 40)));
for (const user of staff) if (random() < 0.5) edge(user, "LogonTo", pick(stations));
const gpos = ["DEFAULT DOMAIN POLICY", "WORKSTATION BASELINE", "SERVER BASELINE", "LAPS", "PRINTERS"].map((name) =>
  node("GPO", `${name}@${REALM}`),
);
for (const [i, gpo] of gpos.entries()) edge(gpo, "GPLink", i === 0 ? domain : ous[i]);
edge(groups[11], "GenericWrite", gpos[2]);
export const ca = node("EnterpriseCA", `LAB-CA@${REALM}`, zero("issues logon certificates"));
for (const name of ["USER", "WEBSERVER", "VPN-CLIENT", "WORKSTATION", "SUBCA"])
  node("CertTemplate", `${name}@${REALM}`);
const vpnClient = byName.get(`vpn-client@${REALM}`.toLowerCase());
edge(groups[10], "ADCSESC1", domain, { composition: [edge(groups[10], "GenericWrite", vpnClient)] });
for (let i = 0; i < 18; i++) node("Address", `10.20.${Math.floor(random() * 8)}.${Math.floor(random() * 254)}`);
const tenant = node("AZTenant", "lab.example");
for (const user of staff.slice(0, 6))
  edge(
    user,
    "SyncedToEntraUser",
    node("AZUser", user.name.toLowerCase().replace("@lab.example", "@lab.onmicrosoft.example")),
  );
edge(admin, "SyncedToEntraUser", tenant);

/* The story: svc_backup is stolen on ws1, used from there, and replicates the directory. */
export const svcBackup = node("User", `SVC_BACKUP@${REALM}`, { enabled: true, sensitive: true, lastSeenAt: ago(12) });
export const svcSql = node("User", `SVC_SQL@${REALM}`, { enabled: true });
export const jdoe = node("User", `J.DOE@${REALM}`, { enabled: true, owned: true, lastSeenAt: ago(15) });
export const ws1 = stations[0];
export const srv1 = servers[0];
export const dc1 = dcs[0];
export const kali = node("Address", "10.20.4.66", { lastSeenAt: ago(15) });
export const backupOps = groups[3];
for (const one of [ws1, srv1, dc1]) one.lastSeenAt = ago(12);
ws1.owned = true;
ws1.enabled = true;
srv1.enabled = true;
edge(svcBackup, "MemberOf", backupOps);
const changes = [edge(backupOps, "GetChanges", domain), edge(backupOps, "GetChangesAll", domain)];
edge(backupOps, "DCSync", domain, {
  composition: changes,
  properties: [{ name: "granted", value: "2025-03-04 by ADMINISTRATOR" }],
});
edge(jdoe, "AdminTo", ws1);
edge(ws1, "HasSession", svcBackup, { lastSeenAt: ago(14), firstSeenAt: ago(14), count: 1 });
edge(jdoe, "LogonTo", ws1, { lastSeenAt: ago(16), count: 212 });
edge(kali, "ConnectedTo", ws1, { lastSeenAt: ago(15), firstSeenAt: ago(16), count: 4 });
edge(svcBackup, "LoggedOnFrom", ws1, { lastSeenAt: ago(12), firstSeenAt: ago(12), count: 3 });
edge(svcBackup, "LogonTo", srv1, { lastSeenAt: ago(720), count: 388 });
edge(ws1, "ConnectedTo", dc1, { lastSeenAt: ago(12), firstSeenAt: ago(12), count: 2 });
edge(svcBackup, "LogonTo", dc1, { lastSeenAt: ago(12), firstSeenAt: ago(12), count: 2 });
edge(srv1, "HasSession", svcBackup, { lastSeenAt: ago(700) });
edge(stations[6], "HasSession", svcSql, { lastSeenAt: ago(300) });
edge(svcSql, "GenericAll", da, { endedAt: null, firstSeenAt: ago(60 * 26) });
edge(staff[3], "HasSession", admin, { kind: "Owns", observed: false, id: `${staff[3].id}|Owns|${da.id}`, target: da });
edge(servers[4], "HasSession", admin, { lastSeenAt: ago(900), endedAt: ago(600) });

export const out = new Map();
export const into = new Map();
for (const one of edges) {
  if (!out.has(one.source.id)) out.set(one.source.id, []);
  if (!into.has(one.target.id)) into.set(one.target.id, []);
  out.get(one.source.id).push(one);
  into.get(one.target.id).push(one);
}

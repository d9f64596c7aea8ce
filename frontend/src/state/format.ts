/** Numbers and names as text. */

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

export function count(value: number): string {
  return whole.format(value);
}

export function percent(value: number): string {
  return `${value.toFixed(value !== 0 && Math.abs(value) < 10 ? 1 : value % 1 === 0 ? 0 : 1)} %`;
}

export function signed(value: number, digits = 1): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  if (size < 1_000_000) return `${(size / 1000).toFixed(1)} kB`;
  return `${(size / 1_000_000).toFixed(1)} MB`;
}

/** Keeps both ends of a long identifier: `S-1-5-21-39…-1113`. */
export function middle(text: string, max = 28): string {
  if (text.length <= max) return text;
  const tail = Math.floor((max - 1) / 2);
  return `${text.slice(0, max - 1 - tail)}…${text.slice(text.length - tail)}`;
}

/** `SVC_BACKUP@LAB.EXAMPLE` → `SVC_BACKUP`; names without a realm stay. */
export function shortName(name: string): string {
  const at = name.indexOf("@");
  return at > 0 ? name.slice(0, at) : name;
}

/** The name as it stands in lists and on the canvas: the server's short one, else without realm and DNS domain. */
export function entityName(entity: { name: string; kind: string; label?: string }): string {
  if (entity.label) return entity.label;
  if (entity.kind === "Computer" && !/^[\d.:]+$/.test(entity.name)) return entity.name.split(".")[0] ?? entity.name;
  return shortName(entity.name);
}

const ACRONYMS = new Set(["as", "dns", "ldap", "ntlm", "rpc", "smb", "tgs"]);

/** The kind of an event in the field's spelling: `tgs_exchange` → `TGS exchange`. */
export function eventName(what: string): string {
  const [first = "", ...rest] = what.toLowerCase().split("_");
  const head = ACRONYMS.has(first) ? first.toUpperCase() : first.charAt(0).toUpperCase() + first.slice(1);
  return [head, ...rest].join(" ");
}

/** `malicious-replication` → `Malicious replication`, `AS_EXCHANGE` → `As exchange`. */
export function words(text: string): string {
  const spaced = text
    .replaceAll(/[-_]/g, " ")
    .toLowerCase()
    .replaceAll(/\b(?:dns|ldap|ntlm|rpc|smb|vpn)\b/g, (word) => word.toUpperCase())
    .replaceAll("tier zero", "Tier Zero");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

export function plural(size: number, one: string, many = `${one}s`): string {
  return `${count(size)} ${size === 1 ? one : many}`;
}

/** The file of a path: `/var/in/monday.pcap.gz` → `monday.pcap.gz`; other names stay. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1) || path;
}

/** What an event says, without the `actor@source → target: ` that columns beside it tell already. */
export function said(summary: string): string {
  const rest = /^\S*@\S+ → \S+: (.+)$/u.exec(summary)?.[1] ?? summary;
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

/** One CSV cell; a leading formula sign is defused, as the text comes from the network. */
export function csvCell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(
  header: readonly string[],
  rows: readonly (readonly (string | number | null | undefined)[])[],
): string {
  return [header, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n");
}

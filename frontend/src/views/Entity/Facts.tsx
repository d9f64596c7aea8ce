/** Who an entity is: where it stands, what the directory says of it in words, and all of its properties folded away. */
import type { ReactNode } from "react";
import { Copyable } from "../../components/Copyable/Copyable";
import { Ago, At } from "../../components/Time/Time";
import { percent, plural } from "../../state/format";
import type { Entity } from "./Entity";
import css from "./Entity.module.css";

type Property = Entity["properties"][number];

/** Properties that say who it is, in this order, by the words for them. */
const TOLD: [string, string][] = [
  ["displayname", "Display name"],
  ["description", "Description"],
  ["title", "Title"],
  ["email", "E-mail"],
  ["operatingsystem", "System"],
  ["dnshostname", "DNS name"],
  ["serviceprincipalnames", "SPNs"],
  ["allowedtodelegate", "Delegates to"],
  ["distinguishedname", "DN"],
];

/** Properties that are times, in seconds of Unix time; zero and below mean never. */
const TIMES: [string, string][] = [
  ["pwdlastset", "Password set"],
  ["lastlogontimestamp", "Last logon"],
  ["whencreated", "Created"],
];

/** What a set flag means for whoever attacks or defends it. */
const FLAGS: Record<string, string> = {
  admincount: "was administrative",
  dontreqpreauth: "no pre-authentication",
  hasspn: "has an SPN",
  passwordnotreqd: "needs no password",
  pwdneverexpires: "password never expires",
  sensitive: "not to be delegated",
  trustedtoauth: "may delegate to any protocol",
  unconstraineddelegation: "unconstrained delegation",
  usedeskeyonly: "DES keys only",
  encryptedtextpwdallowed: "reversible password",
  lockedout: "locked out",
  passwordexpired: "password expired",
  haslaps: "has LAPS",
  isaclprotected: "inherits no rights",
};

export function Facts({ entity }: { entity: Entity }) {
  const all = entity.properties.filter((one) => one.value !== "");
  return (
    <>
      <List rows={[...standing(entity), ...told(all), ["Id", <Copyable key="id" text={entity.id} max={34} />]]} />
      {all.length > 0 && (
        <details className={css.all}>
          <summary>All {plural(all.length, "property", "properties")}</summary>
          <List rows={all.map((one) => [one.name, <Copyable key={one.name} text={one.value} max={34} />])} />
        </details>
      )}
    </>
  );
}

function List({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className={css.facts}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt title={name}>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function standing(entity: Entity): [string, ReactNode][] {
  const hops = entity.distanceToTierZero;
  const distance = entity.tierZero ? "it is Tier Zero" : hops == null ? "no path is known" : plural(hops, "hop");
  return [
    ["To Tier Zero", distance],
    ["Exposure", `${percent(entity.exposurePercent)} of principals reach it`],
    ["Impact", `reaches ${plural(entity.impact, "object")}`],
    ["Open alerts", entity.openAlerts === 0 ? "none" : plural(entity.openAlerts, "alert")],
    ["First seen", <At key="first" at={entity.firstSeenAt} />],
    ["Last seen", <Ago key="last" at={entity.lastSeenAt} />],
  ];
}

function told(properties: readonly Property[]): [string, ReactNode][] {
  const value = (name: string) => properties.find((one) => one.name === name)?.value;
  const rows: [string, ReactNode][] = [];
  for (const [name, words] of TOLD) {
    const text = value(name);
    if (text !== undefined) rows.push([words, <Copyable key={name} text={text.replaceAll("\n", ", ")} max={34} />]);
  }
  for (const [name, words] of TIMES) {
    const seconds = Number(value(name));
    if (Number.isFinite(seconds) && seconds > 0)
      rows.push([words, <At key={name} at={new Date(seconds * 1000).toISOString()} />]);
    else if (value(name) !== undefined) rows.push([words, "never"]);
  }
  const flags = properties.flatMap(({ name, value: text }) => (text === "true" && FLAGS[name] ? [FLAGS[name]] : []));
  if (flags.length > 0)
    rows.push([
      "Notable",
      <span key="flags" className={css.flags}>
        {flags.join(" · ")}
      </span>,
    ]);
  return rows;
}

/**
 * Alerts joined to incidents: two belong together where the same account acted, or they came from the same host. A host
 * of Tier Zero joins nothing, as everybody meets there. Pure.
 */
import type { AlertRowFragment } from "../../gql/graphql";
import { entityName } from "../../state/format";

export interface Step {
  /** Alerts of one detection, one after the other, told as one. */
  alerts: AlertRowFragment[];
  /** The one that tells most. */
  told: AlertRowFragment;
}

export interface Incident {
  steps: Step[];
  /** The gravest alert, the latest of equals. */
  worst: AlertRowFragment;
  actors: string[];
  hosts: string[];
  from: string;
  to: string;
  size: number;
}

const LEVELS = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH"];
export const rank = (alert: AlertRowFragment): number => LEVELS.indexOf(alert.severity) * 1000 + alert.score;

/** The gravest incident first. */
export function incidents(alerts: readonly AlertRowFragment[]): Incident[] {
  const groups = new Map<string, AlertRowFragment[]>();
  const root = joined(alerts);
  for (const alert of [...alerts].sort(byStart)) {
    const key = root(alert.id);
    groups.set(key, [...(groups.get(key) ?? []), alert]);
  }
  return [...groups.values()]
    .map(incident)
    .sort((a, b) => rank(b.worst) - rank(a.worst) || b.size - a.size || b.to.localeCompare(a.to));
}

/** A story is told from its beginning; what goes on for long began when it began. */
const byStart = (a: AlertRowFragment, b: AlertRowFragment): number =>
  a.firstAt.localeCompare(b.firstAt) || a.lastAt.localeCompare(b.lastAt);

/** Union by what they share; gives the name of each one's group. */
function joined(alerts: readonly AlertRowFragment[]): (id: string) => string {
  const parent = new Map<string, string>();
  const root = (id: string): string => {
    let at = id;
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) at = up;
    return at;
  };
  for (const alert of alerts) {
    for (const key of keys(alert)) {
      const [a, b] = [root(alert.id), root(key)];
      if (a !== b) parent.set(a, b);
    }
  }
  return root;
}

function keys(alert: AlertRowFragment): string[] {
  const found: string[] = [];
  const who = alert.actor && (alert.actor.entity?.id ?? alert.actor.name);
  if (who) found.push(`actor:${who}`);
  const host = alert.source?.entity?.tierZero ? null : alert.source;
  const at = host && (host.entity?.id ?? host.name ?? host.address);
  if (at) found.push(`host:${at}`);
  return found;
}

function incident(alerts: AlertRowFragment[]): Incident {
  const steps: Step[] = [];
  for (const alert of alerts) {
    const last = steps.at(-1);
    if (last !== undefined && last.told.detection === alert.detection) {
      last.alerts.push(alert);
      if (clearness(alert) > clearness(last.told)) last.told = alert;
    } else steps.push({ alerts: [alert], told: alert });
  }
  const worst = alerts.reduce((best, one) => (rank(one) >= rank(best) ? one : best));
  return {
    steps,
    worst,
    actors: unique(
      alerts.map((one) => one.actor && (one.actor.entity ? entityName(one.actor.entity) : one.actor.name)),
    ),
    hosts: unique(
      alerts.map((one) => one.source && (one.source.entity ? entityName(one.source.entity) : one.source.name)),
    ),
    from: alerts.reduce((first, one) => (one.firstAt < first ? one.firstAt : first), alerts[0]?.firstAt ?? ""),
    to: alerts.reduce((last, one) => (one.lastAt > last ? one.lastAt : last), ""),
    size: alerts.length,
  };
}

/** The most telling steps in their order: the first and the last, as a story has both ends, and the gravest between. */
export function gravest(steps: readonly Step[], most: number): Step[] {
  const weight = (step: Step, at: number) =>
    at === 0 || at === steps.length - 1 ? Number.POSITIVE_INFINITY : Math.max(...step.alerts.map(rank));
  const ranked = steps.map((step, at) => ({ at, weight: weight(step, at) })).sort((a, b) => b.weight - a.weight);
  const kept = new Set(ranked.slice(0, most).map((one) => one.at));
  return steps.filter((_, at) => kept.has(at));
}

/** Of alerts that say the same, the one with a named actor and the shorter story. */
const clearness = (alert: AlertRowFragment): number =>
  (alert.actor && !alert.actor.name.startsWith("S-1-") ? 1000 : 0) - Math.min(999, alert.explanation.length);

function unique(names: (string | null | undefined)[]): string[] {
  return [...new Set(names.filter((name): name is string => Boolean(name)))];
}

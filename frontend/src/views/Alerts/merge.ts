/**
 * How a live change meets a loaded list: a row that is there changes in place, so that nothing moves under the reader;
 * one that is not there is only counted, until the reader asks for it.
 */
import type { AlertFilter, AlertRowFragment } from "../../gql/graphql";

export interface Merged {
  rows: AlertRowFragment[];
  /** Changed alerts that match the filter and are not in the list. */
  unseen: number;
}

export function merge(
  loaded: readonly AlertRowFragment[],
  changed: ReadonlyMap<string, AlertRowFragment>,
  filter: AlertFilter,
): Merged {
  const here = new Set(loaded.map((row) => row.id));
  const newest =
    loaded
      .map((row) => row.updatedAt)
      .sort()
      .at(-1) ?? "";
  const rows = loaded.map((row) => {
    const change = changed.get(row.id);
    return change !== undefined && change.updatedAt >= row.updatedAt ? change : row;
  });
  let unseen = 0;
  for (const [id, change] of changed) {
    if (!here.has(id) && change.updatedAt > newest && matches(change, filter)) unseen += 1;
  }
  return { rows, unseen };
}

/** The filter as the server means it, over what a row shows. */
export function matches(alert: AlertRowFragment, filter: AlertFilter): boolean {
  if (filter.severities && !filter.severities.includes(alert.severity)) return false;
  if (filter.states && !filter.states.includes(alert.state)) return false;
  if (filter.detections && !filter.detections.includes(alert.detection)) return false;
  if (filter.since && alert.lastAt < filter.since) return false;
  const hosts = [alert.source, alert.targetHost];
  if (filter.entity && ![alert.actor, ...hosts].some((one) => one?.entity?.id === filter.entity)) return false;
  if (!filter.text) return true;
  const wanted = filter.text.toLowerCase();
  const fields = [
    alert.actor?.name,
    alert.target,
    alert.explanation,
    ...hosts.flatMap((one) => [one?.name, one?.address]),
  ];
  return fields.some((field) => field?.toLowerCase().includes(wanted));
}

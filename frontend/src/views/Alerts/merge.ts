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

/** The part of the filter that can be judged here; text and entity are the server's, and let a change through. */
export function matches(alert: AlertRowFragment, filter: AlertFilter): boolean {
  if (filter.severities && !filter.severities.includes(alert.severity)) return false;
  if (filter.states && !filter.states.includes(alert.state)) return false;
  if (filter.detections && !filter.detections.includes(alert.detection)) return false;
  return !(filter.since && alert.lastAt < filter.since);
}

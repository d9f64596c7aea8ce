/** Open alerts by entity, for the badges: counted from the list, as a node does not carry its count. */
import { useMemo } from "react";
import { useQuery } from "urql";
import { AlertsQuery } from "../api/documents/alerts";
import type { AlertState } from "../gql/graphql";

/** Open alerts that are looked at; more than that and a badge means little. */
const READ = 200;
const OPEN: AlertState[] = ["OPEN", "IN_PROGRESS"];

export function useAlertCounts(): ReadonlyMap<string, number> {
  const variables = useMemo(() => ({ filter: { states: OPEN }, first: READ }), []);
  const [result] = useQuery({ query: AlertsQuery, variables });
  const nodes = result.data?.alerts.nodes;
  return useMemo(() => {
    const counts = new Map<string, number>();
    for (const alert of nodes ?? []) {
      const touched = new Set([alert.actor?.entity?.id, alert.source?.entity?.id, alert.targetHost?.entity?.id]);
      for (const id of touched) if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }, [nodes]);
}

/** Small made-up nodes, edges and alerts for unit tests. */
import type { AlertRowFragment, EdgeBriefFragment, EntityBriefFragment, SubgraphPartsFragment } from "../gql/graphql";

export function node(id: string, extra: Partial<EntityBriefFragment> = {}): EntityBriefFragment {
  return {
    id,
    kind: "User",
    domain: null,
    lastSeenAt: null,
    distanceToTierZero: null,
    name: id.toUpperCase(),
    label: id.toUpperCase(),
    enabled: true,
    tierZero: false,
    owned: false,
    sensitive: false,
    impact: 1,
    ...extra,
  };
}

export function edge(
  source: EntityBriefFragment,
  kind: string,
  target: EntityBriefFragment,
  extra: Partial<EdgeBriefFragment> = {},
): EdgeBriefFragment {
  return {
    id: `${source.id}>${kind}>${target.id}`,
    kind: kind as EdgeBriefFragment["kind"],
    origin: "RAW",
    observed: false,
    source,
    target,
    firstSeenAt: null,
    lastSeenAt: null,
    endedAt: null,
    count: 1,
    cost: 1,
    ...extra,
  };
}

export function subgraph(edges: EdgeBriefFragment[], hidden: Record<string, number> = {}): SubgraphPartsFragment {
  const nodes = new Map(edges.flatMap((one) => [one.source, one.target]).map((one) => [one.id, one]));
  return {
    nodes: [...nodes.values()],
    edges,
    truncated: false,
    hidden: Object.entries(hidden).map(([entity, count]) => ({ entity, count })),
  };
}

export function alert(id: string, extra: Partial<AlertRowFragment> = {}): AlertRowFragment {
  return {
    id,
    detection: "malicious-replication",
    title: "Malicious replication",
    externalId: null,
    severity: "HIGH",
    state: "OPEN",
    classification: null,
    assignee: null,
    actor: null,
    source: null,
    targetHost: null,
    target: null,
    firstAt: "2026-11-22T14:00:00Z",
    lastAt: "2026-11-22T14:00:00Z",
    updatedAt: "2026-11-22T14:00:00Z",
    explanation: "svc_backup asked dc1 for secrets",
    score: 90,
    techniques: ["T1003.006"],
    eventCount: 1,
    ...extra,
  };
}

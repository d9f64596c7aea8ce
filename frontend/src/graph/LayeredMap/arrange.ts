/** Places for the map of an alert, in pixels: the layered layout stretched to the width, edges as curves with labels. */
import type { SubgraphPartsFragment } from "../../gql/graphql";
import { layered } from "../layout/layered";

export interface MapNode {
  id: string;
  kind: string;
  name: string;
  label: string;
  tierZero: boolean;
  owned: boolean;
  x: number;
  y: number;
}

export interface MapEdge {
  id: string;
  observed: boolean;
  text: string;
  title: string;
  hop: number | null;
  d: string;
  /** The middle of the line, how the words turn with it, and how far above (below) they stand. */
  label: { x: number; y: number; turn: number; rise: number };
}

const SIDE = 72;
const ROW = 92;
const TOP = 40;
const BOTTOM = 48;
/** From the middle of a node to where its edges end. */
const REACH = 20;
/** Sideways step between edges of one pair. */
const LANE = 30;

export function arrange(map: SubgraphPartsFragment, path: readonly string[], starts: readonly string[], width: number) {
  const onPath = new Map(path.map((id, at) => [id, at + 1]));
  const ids = map.nodes.map((node) => node.id);
  const places = layered({
    nodes: ids,
    edges: map.edges.map((edge) => ({
      source: edge.source.id,
      target: edge.target.id,
      strong: onPath.has(edge.id) || edge.observed,
    })),
    starts,
    ends: map.nodes.filter((node) => node.tierZero).map((node) => node.id),
  });
  const xs = [...places.values()].map((place) => place.x);
  const ys = [...places.values()].map((place) => place.y);
  const layers = Math.max(0, ...xs);
  const gap = layers === 0 ? 0 : Math.min(320, Math.max(150, (width - 2 * SIDE) / layers));
  const top = Math.min(0, ...ys);
  const height = TOP + BOTTOM + (Math.max(0, ...ys) - top) * ROW;
  const nodes: MapNode[] = map.nodes.map((node) => {
    const place = places.get(node.id) ?? { x: 0, y: 0 };
    return {
      id: node.id,
      kind: node.kind,
      name: node.name,
      label: node.label,
      tierZero: node.tierZero,
      owned: node.owned,
      x: SIDE + place.x * gap,
      y: TOP + (place.y - top) * ROW,
    };
  });
  const at = new Map(nodes.map((node) => [node.id, node]));
  return {
    nodes,
    edges: bundles(map, onPath).flatMap((bundle) => drawn(bundle, at)),
    size: { width: Math.max(2 * SIDE + layers * gap, 240), height },
  };
}

type Edge = SubgraphPartsFragment["edges"][number];

interface Bundle {
  edges: Edge[];
  lane: number;
  hop: number | null;
}

/** Edges of one direction and one nature between the same two nodes are drawn as one line with their kinds. */
function bundles(map: SubgraphPartsFragment, onPath: ReadonlyMap<string, number>): Bundle[] {
  const groups = new Map<string, Edge[]>();
  for (const edge of map.edges) {
    const key = `${edge.source.id}\n${edge.target.id}\n${edge.observed}\n${onPath.get(edge.id) ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), edge]);
  }
  const pairs = new Map<string, Bundle[]>();
  for (const edges of groups.values()) {
    const [first] = edges;
    if (first === undefined) continue;
    const pair = [first.source.id, first.target.id].sort().join("\n");
    pairs.set(pair, [...(pairs.get(pair) ?? []), { edges, lane: 0, hop: onPath.get(first.id) ?? null }]);
  }
  for (const list of pairs.values())
    for (const [index, bundle] of list.entries()) bundle.lane = index - (list.length - 1) / 2;
  return [...pairs.values()].flat();
}

function drawn({ edges, lane, hop }: Bundle, at: ReadonlyMap<string, MapNode>): MapEdge[] {
  const [first] = edges;
  const source = first && at.get(first.source.id);
  const target = first && at.get(first.target.id);
  if (first === undefined || source === undefined || target === undefined || source === target) return [];
  const length = Math.hypot(target.x - source.x, target.y - source.y) || 1;
  const [ux, uy] = [(target.x - source.x) / length, (target.y - source.y) / length];
  // The lane is counted from the pair's left-hand side whatever the direction.
  const side = first.source.id < first.target.id ? lane : -lane;
  const [nx, ny] = [-uy * side * LANE, ux * side * LANE];
  const start = { x: source.x + ux * REACH + nx * 0.3, y: source.y + uy * REACH + ny * 0.3 };
  const end = { x: target.x - ux * (REACH + 2) + nx * 0.3, y: target.y - uy * (REACH + 2) + ny * 0.3 };
  const middle = { x: (start.x + end.x) / 2 + nx, y: (start.y + end.y) / 2 + ny };
  const kinds = edges.map((edge) => (edge.origin === "DERIVED" ? `${edge.kind} ƒ` : edge.kind));
  const roomy = length > kinds.join(" · ").length * 6.6 + 150;
  const when = first.observed && first.lastSeenAt && roomy ? ` ${first.lastSeenAt.slice(11, 19)}` : "";
  let turn = Math.atan2(uy, ux);
  if (turn > Math.PI / 2 || turn < -Math.PI / 2) turn += turn > 0 ? -Math.PI : Math.PI;
  const below = nx * Math.sin(turn) - ny * Math.cos(turn) < 0;
  return [
    {
      id: edges.map((edge) => edge.id).join("\n"),
      observed: first.observed,
      text: kinds.join(" · ") + when,
      title: edges
        .map(
          (edge) =>
            `${edge.source.name} ${edge.kind} ${edge.target.name}${edge.observed ? `, seen ${edge.count} times, last ${edge.lastSeenAt ?? ""}` : ", possible"}`,
        )
        .join("\n"),
      hop,
      d: `M${start.x} ${start.y}Q${middle.x + nx * 0.4} ${middle.y + ny * 0.4} ${end.x} ${end.y}`,
      label: {
        x: (start.x + end.x) / 2 + nx * 0.7,
        y: (start.y + end.y) / 2 + ny * 0.7,
        turn: (turn * 180) / Math.PI,
        rise: below ? 14 : -6,
      },
    },
  ];
}

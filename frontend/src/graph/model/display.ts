/**
 * The scene as it is drawn: leaves of one kind on one neighbour fold into an aggregate ("+214 users"), parallel edges
 * are set side by side, and what came or went in the window is marked. Pure.
 */
import { entityName, plural } from "../../state/format";
import type { Scene, SceneEdge, SceneNode } from "./scene";

/** From this many alike leaves on, they fold. */
export const FOLD_FROM = 6;

export interface DisplayNode {
  id: string;
  label: string;
  kind: string;
  /** The entity; absent for an aggregate. */
  entity?: SceneNode;
  /** How many leaves an aggregate stands for, and which. */
  leaves?: readonly string[];
  hidden: number;
  size: number;
}

export interface DisplayEdge {
  id: string;
  source: string;
  target: string;
  kind: string;
  observed: boolean;
  derived: boolean;
  count: number;
  /** Sideways place among the edges between the same two nodes: 0, 1, −1, 2 … */
  lane: number;
  change: "same" | "came" | "went";
  edge?: SceneEdge;
  /** How many more edges of the same look it stands for. */
  more: number;
  /** It does not touch what is looked at: it stands back. */
  aside: boolean;
}

export interface Display {
  nodes: DisplayNode[];
  edges: DisplayEdge[];
}

export interface Window {
  since: string | null;
  until: string | null;
}

export interface DisplayOptions {
  window: Window;
  /** Sizes by √impact, or all alike. */
  sized: boolean;
  /** Nodes that never fold: focus, selection, path. */
  keep: ReadonlySet<string>;
  /** Edges that are drawn for themselves: selection, path. */
  keepEdges?: ReadonlySet<string>;
  /** What is looked at: granted edges between others stand back. */
  focus?: ReadonlySet<string>;
}

export function display(scene: Scene, options: DisplayOptions): Display {
  const groups = foldable(scene, options.keep);
  const folded = new Map<string, string>();
  const nodes: DisplayNode[] = [];
  const edges: DisplayEdge[] = [];
  for (const [key, group] of groups) {
    const id = `fold:${key}`;
    for (const leaf of group.leaves) folded.set(leaf, id);
    const label = `+${plural(group.leaves.length, group.kind.toLowerCase())}`;
    nodes.push({ id, label, kind: group.kind, leaves: group.leaves, hidden: 0, size: 8 });
    const [source, target] = group.outward ? [id, group.hub] : [group.hub, id];
    edges.push({
      id: `${id}|edge`,
      source,
      target,
      kind: group.edgeKind,
      observed: group.observed,
      derived: false,
      count: group.leaves.length,
      lane: 0,
      change: "same",
      more: 0,
      aside: false,
    });
  }
  const most = mostImpact(scene);
  for (const node of scene.nodes.values()) {
    if (folded.has(node.id)) continue;
    const size = options.sized ? sizeOf(node, most.get(node.kind) ?? 1) : 9;
    nodes.push({
      id: node.id,
      label: labelOf(node),
      kind: node.kind,
      entity: node,
      hidden: scene.hidden.get(node.id) ?? 0,
      size,
    });
  }
  const { focus } = options;
  const looked = (edge: SceneEdge) =>
    focus === undefined || focus.size === 0 || focus.has(edge.source.id) || focus.has(edge.target.id);
  const unfolded = [...scene.edges.values()].filter(
    (edge) => !folded.has(edge.source.id) && !folded.has(edge.target.id),
  );
  for (const [edge, more] of bundled(unfolded, options)) {
    edges.push({
      id: edge.id,
      source: edge.source.id,
      target: edge.target.id,
      kind: edge.kind,
      observed: edge.observed,
      derived: edge.origin === "DERIVED",
      count: edge.count,
      lane: 0,
      change: changeOf(edge, options.window),
      edge,
      more,
      aside: !edge.observed && !looked(edge),
    });
  }
  setLanes(edges);
  const shrink = crowd(nodes.length);
  for (const node of nodes) node.size *= shrink;
  return { nodes, edges };
}

/**
 * One edge for all of the same look from one node to another, and how many more it stands for: the cheapest, as it is
 * what an attacker would use. Edges that are kept are drawn for themselves.
 */
function bundled(edges: readonly SceneEdge[], { keepEdges, window }: DisplayOptions): [SceneEdge, number][] {
  const bundles = new Map<string, [SceneEdge, number]>();
  for (const edge of edges) {
    const look = `${edge.source.id}\n${edge.target.id}\n${edge.observed}\n${changeOf(edge, window)}`;
    const key = keepEdges?.has(edge.id) ? edge.id : look;
    const [first, more] = bundles.get(key) ?? [edge, -1];
    bundles.set(key, [edge.cost < first.cost ? edge : first, more + 1]);
  }
  return [...bundles.values()];
}

/** Many nodes are drawn smaller, so that the canvas stays a picture: full size up to 120, a quarter at the most. */
export function crowd(size: number): number {
  return Math.min(1, Math.max(0.25, Math.sqrt(120 / Math.max(1, size))));
}

/** √impact within the kind, between 6 and 14. */
export function sizeOf(node: SceneNode, most: number): number {
  const share = most <= 0 ? 0 : Math.sqrt(Math.min(1, node.impact / most));
  return 7 + 6 * share;
}

function mostImpact(scene: Scene): Map<string, number> {
  const most = new Map<string, number>();
  for (const node of scene.nodes.values()) most.set(node.kind, Math.max(most.get(node.kind) ?? 0, node.impact));
  return most;
}

function labelOf(node: SceneNode): string {
  const name = entityName(node);
  return name.length > 28 ? `${name.slice(0, 27)}…` : name;
}

/** Came: first seen inside the window. Went: ended, before its end. Without a window only what has ended is told. */
export function changeOf(edge: SceneEdge, window: Window): DisplayEdge["change"] {
  if (edge.endedAt && (window.until === null || edge.endedAt <= window.until)) return "went";
  if (window.since !== null && edge.firstSeenAt && edge.firstSeenAt >= window.since) return "came";
  return "same";
}

interface Group {
  hub: string;
  kind: string;
  edgeKind: string;
  observed: boolean;
  /** Whether the edges lead from the leaves to the hub. */
  outward: boolean;
  leaves: string[];
}

function foldable(scene: Scene, keep: ReadonlySet<string>): Map<string, Group> {
  const only = new Map<string, SceneEdge | null>();
  for (const edge of scene.edges.values()) {
    for (const id of [edge.source.id, edge.target.id]) only.set(id, only.has(id) ? null : edge);
  }
  const groups = new Map<string, Group>();
  for (const [id, edge] of only) {
    const node = scene.nodes.get(id);
    if (edge === null || node === undefined || keep.has(id) || node.tierZero || node.owned) continue;
    const outward = edge.source.id === id;
    const hub = outward ? edge.target.id : edge.source.id;
    const key = `${hub}|${edge.kind}|${node.kind}|${outward ? "in" : "out"}`;
    if (scene.unfolded.has(key)) continue;
    const group = groups.get(key) ?? {
      hub,
      kind: node.kind,
      edgeKind: edge.kind,
      observed: edge.observed,
      outward,
      leaves: [],
    };
    group.leaves.push(id);
    groups.set(key, group);
  }
  for (const [key, group] of groups) if (group.leaves.length < FOLD_FROM) groups.delete(key);
  return groups;
}

/** Edges between the same two nodes stand side by side, the first in the middle. */
function setLanes(edges: DisplayEdge[]): void {
  const between = new Map<string, DisplayEdge[]>();
  for (const edge of edges) {
    const pair = edge.source < edge.target ? `${edge.source}\n${edge.target}` : `${edge.target}\n${edge.source}`;
    const list = between.get(pair) ?? [];
    list.push(edge);
    between.set(pair, list);
  }
  for (const list of between.values()) {
    if (list.length < 2) continue;
    list.forEach((edge, at) => {
      const lane = at - (list.length - 1) / 2;
      edge.lane = edge.source < edge.target ? lane : -lane;
    });
  }
}

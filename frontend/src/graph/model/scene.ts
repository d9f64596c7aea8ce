/**
 * What is drawn: nodes and edges that were loaded, where they stand, how many neighbours are hidden, which were
 * unfolded. Pure: every change gives a new scene, so that undo is keeping the old one.
 */
import type { EdgeBriefFragment, EntityBriefFragment, SubgraphPartsFragment } from "../../gql/graphql";

export type SceneNode = EntityBriefFragment;
export type SceneEdge = EdgeBriefFragment;

export interface Point {
  x: number;
  y: number;
}

export interface Scene {
  nodes: ReadonlyMap<string, SceneNode>;
  edges: ReadonlyMap<string, SceneEdge>;
  /** Neighbours of a node that the server has and the scene has not. */
  hidden: ReadonlyMap<string, number>;
  /** Whether the server's limit cut the answer. */
  truncated: boolean;
  /** Aggregates that the user opened, by key. */
  unfolded: ReadonlySet<string>;
}

export const EMPTY: Scene = {
  nodes: new Map(),
  edges: new Map(),
  hidden: new Map(),
  truncated: false,
  unfolded: new Set(),
};

export function sceneOf(graph: SubgraphPartsFragment): Scene {
  return merge(EMPTY, graph);
}

/** The scene with an answer added; counts of hidden neighbours are lowered by those that are now here. */
export function merge(scene: Scene, graph: SubgraphPartsFragment): Scene {
  const nodes = new Map(scene.nodes);
  const edges = new Map(scene.edges);
  const hidden = new Map(scene.hidden);
  for (const node of graph.nodes) nodes.set(node.id, node);
  for (const edge of graph.edges) {
    nodes.set(edge.source.id, nodes.get(edge.source.id) ?? edge.source);
    nodes.set(edge.target.id, nodes.get(edge.target.id) ?? edge.target);
    edges.set(edge.id, edge);
  }
  for (const node of graph.nodes) hidden.delete(node.id);
  for (const one of graph.hidden) hidden.set(one.entity, one.count);
  lower(scene, nodes, edges, hidden);
  return { ...scene, nodes, edges, hidden, truncated: scene.truncated || graph.truncated };
}

/** A node that was there before had its count told without the newcomers; each newcomer beside it takes one away. */
function lower(
  before: Scene,
  nodes: ReadonlyMap<string, SceneNode>,
  edges: ReadonlyMap<string, SceneEdge>,
  hidden: Map<string, number>,
): void {
  const met = new Set<string>();
  for (const edge of edges.values()) {
    if (before.edges.has(edge.id)) continue;
    for (const [old, fresh] of [
      [edge.source.id, edge.target.id],
      [edge.target.id, edge.source.id],
    ] as const) {
      const told = before.hidden.get(old);
      if (told === undefined || hidden.get(old) !== told) continue;
      if (!before.nodes.has(fresh) && nodes.has(fresh)) met.add(`${old}\n${fresh}`);
    }
  }
  const newcomers = new Map<string, number>();
  for (const pair of met) {
    const old = pair.slice(0, pair.indexOf("\n"));
    newcomers.set(old, (newcomers.get(old) ?? 0) + 1);
  }
  for (const [old, size] of newcomers) {
    const left = (hidden.get(old) ?? 0) - size;
    if (left > 0) hidden.set(old, left);
    else hidden.delete(old);
  }
}

/** The scene without a node and its edges; its neighbours have one more hidden. */
export function remove(scene: Scene, id: string): Scene {
  const nodes = new Map(scene.nodes);
  const edges = new Map(scene.edges);
  const hidden = new Map(scene.hidden);
  nodes.delete(id);
  hidden.delete(id);
  const around = new Set<string>();
  for (const edge of scene.edges.values()) {
    if (edge.source.id !== id && edge.target.id !== id) continue;
    edges.delete(edge.id);
    around.add(edge.source.id === id ? edge.target.id : edge.source.id);
  }
  for (const one of around) hidden.set(one, (hidden.get(one) ?? 0) + 1);
  return { ...scene, nodes, edges, hidden };
}

export function unfold(scene: Scene, key: string): Scene {
  return { ...scene, unfolded: new Set([...scene.unfolded, key]) };
}

/** Folds again what was opened around a node; all of it with no node. */
export function fold(scene: Scene, near?: string): Scene {
  const kept = near === undefined ? [] : [...scene.unfolded].filter((key) => !key.startsWith(`${near}|`));
  return { ...scene, unfolded: new Set(kept) };
}

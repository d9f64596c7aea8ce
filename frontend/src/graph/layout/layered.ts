/**
 * Layered layout, left to right, after Sugiyama: break cycles, rank by longest path, order by barycentres, place by
 * isotonic regression. Sources stand left, Tier Zero right. Pure; it runs in `layered.worker.ts` for the canvas and
 * directly for the small map of an alert.
 */
import type { Point } from "../model/scene";

export interface LayoutEdge {
  source: string;
  target: string;
}

export interface LayeredInput {
  nodes: readonly string[];
  edges: readonly LayeredEdge[];
  /** Nodes that belong at the left, in order of weight. */
  starts?: readonly string[];
  /** Nodes that belong at the right. */
  ends?: readonly string[];
}

/** An edge that is on a path ranks before others: its direction is kept. */
export interface LayeredEdge extends LayoutEdge {
  strong?: boolean;
}

const SWEEPS = 12;

/** Positions with x = layer and y = place, both in units of one gap. */
export function layered(input: LayeredInput): Map<string, Point> {
  const edges = acyclic(input);
  const rank = ranks(input, edges);
  const { layers, up, down } = proper(input, edges, rank);
  order(layers, up, down);
  return place(layers, up, down, new Set(input.nodes));
}

/** The edges without loops and with those that close a cycle turned around; strong edges are walked first. */
function acyclic(input: LayeredInput): LayoutEdge[] {
  const known = new Set(input.nodes);
  const kept: LayoutEdge[] = [];
  const out = new Map<string, Set<string>>();
  const reaches = (from: string, to: string): boolean => {
    const stack = [from];
    const seen = new Set(stack);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (at === to) return true;
      for (const next of out.get(at) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        stack.push(next);
      }
    }
    return false;
  };
  const sorted = [...input.edges].sort((a, b) => Number(b.strong ?? false) - Number(a.strong ?? false));
  for (const edge of sorted) {
    if (edge.source === edge.target || !known.has(edge.source) || !known.has(edge.target)) continue;
    const turned = reaches(edge.target, edge.source);
    const [source, target] = turned ? [edge.target, edge.source] : [edge.source, edge.target];
    const list = out.get(source) ?? new Set();
    if (list.has(target)) continue;
    list.add(target);
    out.set(source, list);
    kept.push({ source, target });
  }
  return kept;
}

function ranks(input: LayeredInput, edges: readonly LayoutEdge[]): Map<string, number> {
  const into = new Map<string, number>();
  const out = new Map<string, string[]>();
  for (const id of input.nodes) into.set(id, 0);
  for (const { source, target } of edges) {
    into.set(target, (into.get(target) ?? 0) + 1);
    out.set(source, [...(out.get(source) ?? []), target]);
  }
  const rank = new Map<string, number>();
  const queue = input.nodes.filter((id) => into.get(id) === 0);
  for (const id of queue) rank.set(id, 0);
  for (let at = 0; at < queue.length; at++) {
    const id = queue[at] ?? "";
    for (const next of out.get(id) ?? []) {
      rank.set(next, Math.max(rank.get(next) ?? 0, (rank.get(id) ?? 0) + 1));
      const left = (into.get(next) ?? 0) - 1;
      into.set(next, left);
      if (left === 0) queue.push(next);
    }
  }
  pull(queue, out, rank, new Set(input.starts ?? []));
  const last = Math.max(0, ...rank.values());
  for (const id of input.ends ?? []) if ((out.get(id) ?? []).length === 0 && rank.has(id)) rank.set(id, last);
  return rank;
}

/** Nodes without a way in move right until they stand just before what they lead to; the starts stay left. */
function pull(
  sorted: readonly string[],
  out: ReadonlyMap<string, string[]>,
  rank: Map<string, number>,
  fixed: ReadonlySet<string>,
): void {
  for (const id of [...sorted].reverse()) {
    const next = out.get(id) ?? [];
    if (next.length === 0 || fixed.has(id)) continue;
    rank.set(id, Math.min(...next.map((one) => rank.get(one) ?? 0)) - 1);
  }
}

interface Proper {
  layers: string[][];
  up: Map<string, string[]>;
  down: Map<string, string[]>;
}

/** Long edges get stand-ins on the layers they cross, so that the order leaves room for them. */
function proper(input: LayeredInput, edges: readonly LayoutEdge[], rank: ReadonlyMap<string, number>): Proper {
  const lowest = Math.min(0, ...rank.values());
  const layers: string[][] = [];
  const put = (id: string, at: number) => {
    while (layers.length <= at) layers.push([]);
    layers[at]?.push(id);
  };
  for (const id of input.nodes) put(id, (rank.get(id) ?? 0) - lowest);
  const up = new Map<string, string[]>();
  const down = new Map<string, string[]>();
  const join = (a: string, b: string) => {
    down.set(a, [...(down.get(a) ?? []), b]);
    up.set(b, [...(up.get(b) ?? []), a]);
  };
  for (const { source, target } of edges) {
    const from = (rank.get(source) ?? 0) - lowest;
    const to = (rank.get(target) ?? 0) - lowest;
    let before = source;
    for (let at = from + 1; at < to; at++) {
      const standIn = `\n${source}\n${target}\n${at}`;
      put(standIn, at);
      join(before, standIn);
      before = standIn;
    }
    join(before, target);
  }
  return { layers, up, down };
}

function order(layers: string[][], up: ReadonlyMap<string, string[]>, down: ReadonlyMap<string, string[]>): void {
  const index = new Map<string, number>();
  const count = (layer: readonly string[]) => {
    for (const [at, id] of layer.entries()) index.set(id, at);
  };
  layers.forEach(count);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    const walk = forward ? layers : [...layers].reverse();
    for (const layer of walk) {
      const near = forward ? up : down;
      const centre = new Map(
        layer.map((id) => {
          const list = near.get(id) ?? [];
          const sum = list.reduce((total, one) => total + (index.get(one) ?? 0), 0);
          return [id, list.length === 0 ? (index.get(id) ?? 0) : sum / list.length];
        }),
      );
      layer.sort((a, b) => (centre.get(a) ?? 0) - (centre.get(b) ?? 0));
      count(layer);
    }
  }
}

function place(
  layers: readonly string[][],
  up: ReadonlyMap<string, string[]>,
  down: ReadonlyMap<string, string[]>,
  real: ReadonlySet<string>,
): Map<string, Point> {
  const y = new Map<string, number>();
  for (const layer of layers) for (const [at, id] of layer.entries()) y.set(id, at - (layer.length - 1) / 2);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const walk = sweep % 2 === 0 ? layers : [...layers].reverse();
    for (const layer of walk) {
      const wanted = layer.map((id) => {
        const near = [...(up.get(id) ?? []), ...(down.get(id) ?? [])];
        if (near.length === 0) return y.get(id) ?? 0;
        return near.reduce((sum, one) => sum + (y.get(one) ?? 0), 0) / near.length;
      });
      for (const [at, value] of spaced(wanted).entries()) y.set(layer[at] ?? "", value);
    }
  }
  const positions = new Map<string, Point>();
  layers.forEach((layer, x) => {
    for (const id of layer) if (real.has(id)) positions.set(id, { x, y: y.get(id) ?? 0 });
  });
  return positions;
}

/** The closest places (least squares) to the wanted ones, in order and at least one gap apart. */
export function spaced(wanted: readonly number[]): number[] {
  const blocks: { sum: number; size: number }[] = [];
  wanted.forEach((value, at) => {
    let block = { sum: value - at, size: 1 };
    for (
      let last = blocks.at(-1);
      last !== undefined && last.sum / last.size > block.sum / block.size;
      last = blocks.at(-1)
    ) {
      blocks.pop();
      block = { sum: block.sum + last.sum, size: block.size + last.size };
    }
    blocks.push(block);
  });
  return blocks
    .flatMap(({ sum, size }) => Array.from({ length: size }, () => sum / size))
    .map((value, at) => value + at);
}

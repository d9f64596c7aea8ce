/** Radial layout for one entity: it stands in the middle, its neighbours on rings by hops, sorted by kind. Pure. */
import type { Point } from "../model/scene";
import type { LayoutEdge } from "./layered";

export function radial(
  nodes: readonly { id: string; kind: string }[],
  edges: readonly LayoutEdge[],
  centre: string,
): Map<string, Point> {
  const near = new Map<string, string[]>();
  for (const { source, target } of edges) {
    near.set(source, [...(near.get(source) ?? []), target]);
    near.set(target, [...(near.get(target) ?? []), source]);
  }
  const kindOf = new Map(nodes.map((node) => [node.id, node.kind]));
  const angle = new Map<string, number>([[centre, 0]]);
  const positions = new Map<string, Point>([[centre, { x: 0, y: 0 }]]);
  let ring = [centre];
  let radius = 0;
  while (ring.length > 0) {
    const seen = new Set<string>();
    const next = ring.flatMap((id) =>
      (near.get(id) ?? [])
        .filter((one) => kindOf.has(one) && !angle.has(one) && !seen.has(one) && seen.add(one) !== undefined)
        .map((one) => ({ id: one, from: angle.get(id) ?? 0 })),
    );
    next.sort((a, b) => a.from - b.from || (kindOf.get(a.id) ?? "").localeCompare(kindOf.get(b.id) ?? ""));
    radius = Math.max(radius + 3, (next.length * 1.2) / (2 * Math.PI));
    next.forEach(({ id }, at) => {
      // An odd number of places: no two stand opposite, so that no edge between them crosses the middle.
      const turn = (at / (next.length | 1)) * 2 * Math.PI;
      angle.set(id, turn);
      positions.set(id, { x: radius * Math.cos(turn), y: radius * Math.sin(turn) });
    });
    ring = next.map(({ id }) => id);
  }
  const lost = nodes.filter((node) => !positions.has(node.id));
  for (const [at, { id }] of lost.entries()) positions.set(id, { x: at - lost.length / 2, y: radius + 3 });
  return positions;
}

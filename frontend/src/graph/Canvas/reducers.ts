/** From what a node or edge is and how it is marked to what the programs draw. */

import { type EdgeMark, STYLE } from "../marks/edgeProgram";
import { FLAG, type NodeMark } from "../marks/nodeProgram";
import { fade, type Palette } from "../marks/palette";
import type { DisplayEdge, DisplayNode } from "../model/display";

export interface Marks {
  selected: string | null;
  /** Hop number by edge of the active path. */
  hops: ReadonlyMap<string, number>;
  alerts: ReadonlyMap<string, number>;
  /** Whether a node or edge stands back (15 %). */
  faded: (id: string) => boolean;
  /** Not seen since: drawn hollow. */
  staleBefore: string | null;
}

interface State {
  nodes: ReadonlyMap<string, DisplayNode>;
  edges: ReadonlyMap<string, DisplayEdge>;
  hovered: string | null;
  marks: Marks;
}

/** How much of a faded mark is left. */
const BACK = 0.15;
/** From this many edges on they are drawn thin and faint; what is touched or on the path is not. */
const MANY = 400;
/** How much of a removed edge is left. */
const GONE = 0.4;
const NONE = "rgba(0, 0, 0, 0)";

export function reducers(state: () => State | null, palette: () => Palette, cellOf: (kind: string) => number) {
  return {
    nodeReducer: (id: string, data: object) => {
      const now = state();
      const node = now?.nodes.get(id);
      if (now === null || node === undefined) return { ...data, hidden: true };
      return { ...data, ...nodeMark(node, now, palette(), cellOf) };
    },
    edgeReducer: (id: string, data: object) => {
      const now = state();
      const edge = now?.edges.get(id);
      if (now === null || edge === undefined) return { ...data, hidden: true };
      return { ...data, ...edgeMark(edge, now, palette()) };
    },
  };
}

function nodeMark(
  node: DisplayNode,
  { marks, hovered }: State,
  colors: Palette,
  cellOf: (kind: string) => number,
): Partial<NodeMark> {
  const { entity } = node;
  const back = marks.faded(node.id) && hovered !== node.id;
  const shown = back ? BACK : node.leaves === undefined ? 1 : 0.6;
  const chosen = marks.selected === node.id;
  const ringed = entity?.tierZero
    ? colors.tierZero
    : entity?.owned
      ? colors.owned
      : entity?.sensitive
        ? colors.text2
        : null;
  const outer = chosen || hovered === node.id ? colors.accent : entity?.tierZero && entity.owned ? colors.owned : null;
  let flags = 0;
  if (entity?.enabled === false) flags |= FLAG.disabled;
  if (marks.staleBefore !== null && entity?.lastSeenAt && entity.lastSeenAt < marks.staleBefore) flags |= FLAG.stale;
  if (entity?.sensitive && !entity.tierZero && !entity.owned) flags |= FLAG.dotted;
  const named =
    chosen ||
    hovered === node.id ||
    entity?.tierZero === true ||
    node.leaves !== undefined ||
    marks.alerts.has(node.id);
  return {
    cell: cellOf(node.kind),
    color: fade(colors.node, shown),
    ring: ringed === null ? NONE : fade(ringed, back ? BACK : 1),
    outer: outer === null ? NONE : fade(outer, back ? BACK : 1),
    flags,
    label: back ? "" : node.label,
    forceLabel: !back && (named || marks.hops.size > 0),
    zIndex: back ? 0 : chosen ? 2 : 1,
  };
}

function edgeMark(edge: DisplayEdge, { marks, hovered, edges }: State, colors: Palette): Partial<EdgeMark> {
  const back = marks.faded(edge.id);
  const chosen = marks.selected === edge.id;
  const near = hovered !== null && [edge.id, edge.source, edge.target].includes(hovered);
  const onPath = marks.hops.has(edge.id);
  const base = chosen
    ? colors.accent
    : edge.change === "went"
      ? colors.went
      : edge.observed
        ? colors.observed
        : colors.possible;
  const shown =
    back && !near ? BACK : edge.change === "went" ? GONE : edge.observed || onPath || near || chosen ? 1 : 0.75;
  const crowded = (edges.size >= MANY || edge.aside) && !onPath && !near && !chosen;
  let style = 0;
  if (!edge.observed) style |= STYLE.dashed;
  if (edge.change === "came") style |= STYLE.came;
  if (edge.change === "went") style |= STYLE.went;
  const weight = edge.observed ? 1.2 + Math.min(2.4, Math.log10(Math.max(1, edge.count)) * 0.7) : 1.2;
  return {
    color: fade(base, crowded ? shown * (edge.aside ? 0.22 : 0.4) : shown),
    size: (crowded ? 1 : weight) + (onPath ? 1 : 0) + (chosen ? 0.8 : 0),
    lane: edge.lane,
    style,
    zIndex: back ? 0 : chosen || onPath ? 2 : 1,
  };
}

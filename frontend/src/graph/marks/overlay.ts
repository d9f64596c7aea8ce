/** What stands above the WebGL layers in 2D: names, hop numbers, edge kinds where few, alert counts, hidden neighbours. */
import type Sigma from "sigma";
import type { DisplayEdge, DisplayNode } from "../model/display";
import { LANE } from "./edgeProgram";
import type { Palette } from "./palette";

/** From this many edges on, kinds are written only on hover, selection and path. */
export const FEW_EDGES = 28;

/** Up to this many nodes each says how many of its neighbours are not drawn. */
const ROOMY = 80;

export interface OverlayState {
  nodes: ReadonlyMap<string, DisplayNode>;
  edges: ReadonlyMap<string, DisplayEdge>;
  /** Hop number by edge of the active path. */
  hops: ReadonlyMap<string, number>;
  alerts: ReadonlyMap<string, number>;
  faded: (id: string) => boolean;
  hovered: string | null;
  selected: string | null;
}

interface Place {
  x: number;
  y: number;
}

export function drawOverlay(canvas: HTMLCanvasElement, renderer: Sigma, state: OverlayState, palette: Palette): void {
  const context = fitCanvas(canvas, renderer);
  if (context === null) return;
  const graph = renderer.getGraph();
  const at = (id: string): Place => {
    const { x, y } = graph.getNodeAttributes(id);
    return renderer.graphToViewport({ x: Number(x), y: Number(y) });
  };
  const few = state.edges.size <= FEW_EDGES;
  const roomy = state.nodes.size <= ROOMY;
  context.lineJoin = "round";
  for (const edge of state.edges.values()) {
    if (!graph.hasNode(edge.source) || !graph.hasNode(edge.target)) continue;
    const hop = state.hops.get(edge.id);
    const touched = [edge.id, edge.source, edge.target].includes(state.hovered ?? "") || edge.id === state.selected;
    if (hop === undefined && !touched && !(few && !state.faded(edge.id))) continue;
    drawEdgeWords(context, edge, hop, at(edge.source), at(edge.target), palette);
  }
  for (const node of state.nodes.values()) {
    if (!graph.hasNode(node.id) || state.faded(node.id)) continue;
    const alerts = state.alerts.get(node.id) ?? 0;
    if (alerts === 0 && node.hidden === 0) continue;
    const place = at(node.id);
    const radius = renderer.scaleSize(node.size);
    if (alerts > 0) drawCount(context, alerts, place, radius, palette);
    if (node.hidden > 0 && (roomy || node.id === state.hovered || node.id === state.selected))
      drawHidden(context, node.hidden, place, radius, palette);
  }
}

function fitCanvas(canvas: HTMLCanvasElement, renderer: Sigma): CanvasRenderingContext2D | null {
  const { width, height } = renderer.getDimensions();
  const ratio = window.devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

function drawEdgeWords(
  context: CanvasRenderingContext2D,
  edge: DisplayEdge,
  hop: number | undefined,
  from: Place,
  to: Place,
  palette: Palette,
): void {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length < (hop === undefined ? 70 : 24)) return;
  const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const shift = edge.lane * LANE;
  // Words of parallel edges stand one after the other along the edge.
  const along = 0.5 + edge.lane * 0.16;
  // The quad's lane is measured with y up, the canvas has y down.
  const middle = { x: from.x + (to.x - from.x) * along + uy * shift, y: from.y + (to.y - from.y) * along - ux * shift };
  context.save();
  context.translate(middle.x, middle.y);
  let turn = Math.atan2(uy, ux);
  if (turn > Math.PI / 2 || turn < -Math.PI / 2) turn += Math.PI;
  context.rotate(turn);
  context.font = `11px ${palette.font}`;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  const above = (ux >= 0 ? 1 : -1) * edge.lane < 0 ? 13 : -4;
  const text = `${edge.kind}${edge.derived ? " ƒ" : ""}${edge.more > 0 ? ` +${edge.more}` : ""}`;
  const space = hop === undefined ? 0 : 9;
  const fits = context.measureText(text).width < length - 48;
  if (fits) halo(context, text, space, above, edge.observed ? palette.observed : palette.text2, palette.page);
  if (hop !== undefined) {
    const width = Math.min(context.measureText(text).width, length);
    drawHop(context, hop, fits ? space - width / 2 - 11 : 0, fits ? above - 4 : -10, palette);
  }
  context.restore();
}

function drawHop(context: CanvasRenderingContext2D, hop: number, x: number, y: number, palette: Palette): void {
  context.beginPath();
  context.arc(x, y, 7, 0, 2 * Math.PI);
  context.fillStyle = palette.text;
  context.fill();
  context.fillStyle = palette.page;
  context.font = `600 10px ${palette.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(String(hop), x, y + 0.5);
}

function drawCount(
  context: CanvasRenderingContext2D,
  count: number,
  place: Place,
  radius: number,
  palette: Palette,
): void {
  const x = place.x + radius * 0.9 + 2;
  const y = place.y - radius * 0.9 - 2;
  context.beginPath();
  context.arc(x, y, count > 9 ? 9 : 7, 0, 2 * Math.PI);
  context.fillStyle = palette.high;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = palette.page;
  context.stroke();
  context.fillStyle = palette.page;
  context.font = `600 10px ${palette.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(count > 9 ? "9+" : String(count), x, y + 0.5);
}

function drawHidden(
  context: CanvasRenderingContext2D,
  hidden: number,
  place: Place,
  radius: number,
  palette: Palette,
): void {
  context.font = `10px ${palette.font}`;
  context.textAlign = "right";
  context.textBaseline = "alphabetic";
  halo(context, `+${hidden}`, place.x - radius * 0.95 - 2, place.y - radius * 0.95, palette.text3, palette.page);
}

function halo(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  color: string,
  page: string,
): void {
  context.lineWidth = 3;
  context.strokeStyle = page;
  context.strokeText(text, x, y);
  context.fillStyle = color;
  context.fillText(text, x, y);
}

/** sigma's label hook: the name under its mark, with a halo of the page. */
export function drawNodeName(palette: () => Palette) {
  return (
    context: CanvasRenderingContext2D,
    data: { x: number; y: number; size: number; label: string | null | undefined },
  ): void => {
    if (!data.label) return;
    const colors = palette();
    context.font = `12px ${colors.font}`;
    context.textAlign = "center";
    context.textBaseline = "top";
    context.lineJoin = "round";
    halo(context, data.label, data.x, data.y + data.size * 1.3 + 3, colors.text, colors.page);
    context.textAlign = "start";
    context.textBaseline = "alphabetic";
  };
}

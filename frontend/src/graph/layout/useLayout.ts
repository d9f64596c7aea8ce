/** Runs a layout in its worker and hands over positions as they come; positions survive when the graph grows. */
import { useEffect, useRef } from "react";
import type { Display } from "../model/display";
import type { Point } from "../model/scene";
import type { LayoutAnswer, LayoutRequest, Method } from "./protocol";

interface Options {
  method: Method;
  starts: readonly string[];
  ends: readonly string[];
  centre: string | null;
  strong: ReadonlySet<string>;
  /** Where nodes stand now; kept by the canvas. */
  positions: ReadonlyMap<string, Point>;
  onPlaced: (positions: Map<string, Point>, done: boolean) => void;
}

export function useLayout(display: Display, options: Options): void {
  const workers = useRef<{ force: Worker | null; layered: Worker | null }>({ force: null, layered: null });
  const serial = useRef(0);
  const latest = useRef(options);
  latest.current = options;

  useEffect(() => {
    const own = workers.current;
    return () => {
      own.force?.terminate();
      own.layered?.terminate();
      own.force = null;
      own.layered = null;
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the method and the centre ask for a new layout
  useEffect(() => {
    const { starts, ends, centre, strong, positions, method } = latest.current;
    if (display.nodes.length === 0) return;
    serial.current += 1;
    const worker = workerFor(method, workers.current);
    worker.onmessage = (event: MessageEvent<LayoutAnswer>) => {
      if (event.data.id === serial.current) latest.current.onPlaced(new Map(event.data.positions), event.data.done);
    };
    const known = display.nodes.filter((node) => positions.has(node.id));
    const grows = method === "force" && known.length > 0 && known.length < display.nodes.length;
    const request: LayoutRequest = {
      id: serial.current,
      method,
      nodes: display.nodes.map(({ id, kind, size }) => ({ id, kind, size })),
      edges: display.edges.map(({ id, source, target }) => ({ source, target, strong: strong.has(id) })),
      starts: [...starts],
      ends: [...ends],
      centre,
      positions: startPositions(display, positions),
      fixed: grows ? known.map((node) => node.id) : [],
    };
    if (method === "force" && known.length === display.nodes.length) return;
    worker.postMessage(request);
  }, [display, options.method, options.centre]);
}

/** Known places; a newcomer starts beside the neighbour it hangs on. */
function startPositions(display: Display, known: ReadonlyMap<string, Point>): [string, Point][] {
  const places = new Map<string, Point>();
  for (const node of display.nodes) {
    const at = known.get(node.id);
    if (at !== undefined) places.set(node.id, at);
  }
  if (places.size === 0) return [];
  let turn = 0;
  for (const { source, target } of display.edges) {
    for (const [one, other] of [
      [source, target],
      [target, source],
    ] as const) {
      const beside = places.get(other);
      if (places.has(one) || beside === undefined) continue;
      turn += 2.399963;
      places.set(one, { x: beside.x + 6 * Math.cos(turn), y: beside.y + 6 * Math.sin(turn) });
    }
  }
  return [...places];
}

function workerFor(method: Method, own: { force: Worker | null; layered: Worker | null }): Worker {
  if (method === "force") {
    own.force ??= new Worker(new URL("./force.worker.ts", import.meta.url), { type: "module" });
    return own.force;
  }
  own.layered ??= new Worker(new URL("./layered.worker.ts", import.meta.url), { type: "module" });
  return own.layered;
}

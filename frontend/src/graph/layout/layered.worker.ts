/** Layered and radial layouts off the page's thread. */
import { layered } from "./layered";
import type { LayoutAnswer, LayoutRequest } from "./protocol";
import { radial } from "./radial";

/** One layer apart against one place apart: labels stand below the nodes, so layers need more room. */
const LAYER_GAP = 1.9;

self.onmessage = (event: MessageEvent<LayoutRequest>) => {
  const { id, method, nodes, edges, starts, ends, centre } = event.data;
  const ids = nodes.map((node) => node.id);
  const places =
    method === "radial" && centre !== null
      ? radial(nodes, edges, centre)
      : new Map(
          [...layered({ nodes: ids, edges, starts, ends })].map(([key, { x, y }]) => [
            key,
            { x: x * LAYER_GAP, y: -y },
          ]),
        );
  const answer: LayoutAnswer = { id, positions: [...places], done: true };
  self.postMessage(answer);
};

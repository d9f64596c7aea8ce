/** Force layout (ForceAtlas2) off the page's thread: it sends where nodes stand a few times while they settle. */
import { UndirectedGraph } from "graphology";
import forceAtlas2 from "graphology-layout-forceatlas2";
import type { LayoutAnswer, LayoutRequest } from "./protocol";

/** Rounds times iterations: small graphs settle sooner; 800 nodes take about half a second a round. */
const ROUNDS = 6;

let current = 0;

self.onmessage = async (event: MessageEvent<LayoutRequest>) => {
  const request = event.data;
  current = request.id;
  const graph = build(request);
  const settings = {
    ...forceAtlas2.inferSettings(graph),
    adjustSizes: true,
    barnesHutOptimize: graph.order > 400,
    gravity: 0.6,
    scalingRatio: 6,
    slowDown: 4,
    strongGravityMode: false,
    linLogMode: false,
  };
  const iterations = graph.order > 600 ? 40 : 80;
  for (let round = 0; round < ROUNDS; round++) {
    forceAtlas2.assign(graph, { iterations, settings });
    const answer: LayoutAnswer = {
      id: request.id,
      positions: graph.mapNodes((id, at) => [id, { x: Number(at.x), y: Number(at.y) }]),
      done: round === ROUNDS - 1,
    };
    self.postMessage(answer);
    await new Promise((next) => setTimeout(next, 0));
    if (current !== request.id) return;
  }
};

function build(request: LayoutRequest): UndirectedGraph {
  const graph = new UndirectedGraph();
  const known = new Map(request.positions);
  const fixed = new Set(request.fixed);
  request.nodes.forEach(({ id, size }, at) => {
    // A golden spiral: deterministic, and no two start on one spot.
    const turn = at * 2.399963;
    const start = known.get(id) ?? {
      x: Math.sqrt(at + 1) * 4 * Math.cos(turn),
      y: Math.sqrt(at + 1) * 4 * Math.sin(turn),
    };
    graph.addNode(id, { ...start, size: size * 0.4, fixed: fixed.has(id) });
  });
  for (const { source, target } of request.edges) {
    if (source !== target && graph.hasNode(source) && graph.hasNode(target)) graph.mergeEdge(source, target);
  }
  return graph;
}

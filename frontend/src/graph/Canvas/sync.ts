/** Brings the drawn graph to the display with as few changes as needed, so that what stays does not move. */
import type { MultiDirectedGraph } from "graphology";
import type { Display } from "../model/display";
import type { Point } from "../model/scene";

export function sync(graph: MultiDirectedGraph, display: Display, positions: ReadonlyMap<string, Point>): void {
  const nodes = new Set(display.nodes.map((node) => node.id));
  const edges = new Set(display.edges.map((edge) => edge.id));
  for (const id of graph.edges()) if (!edges.has(id)) graph.dropEdge(id);
  for (const id of graph.nodes()) if (!nodes.has(id)) graph.dropNode(id);
  display.nodes.forEach((node, at) => {
    const turn = at * 2.399963;
    const start = positions.get(node.id) ?? {
      x: Math.sqrt(at + 1) * Math.cos(turn),
      y: Math.sqrt(at + 1) * Math.sin(turn),
    };
    if (graph.hasNode(node.id)) graph.mergeNodeAttributes(node.id, { size: node.size, label: node.label });
    else graph.addNode(node.id, { ...start, size: node.size, label: node.label });
  });
  for (const edge of display.edges) {
    if (graph.hasEdge(edge.id) || !graph.hasNode(edge.source) || !graph.hasNode(edge.target)) continue;
    graph.addEdgeWithKey(edge.id, edge.source, edge.target);
  }
}

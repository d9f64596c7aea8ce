import { describe, expect, it } from "vitest";
import { layered, spaced } from "./layered";

const chain = (text: string) => text.split(" ").map((pair) => ({ source: pair[0] ?? "", target: pair[1] ?? "" }));

describe("layered layout", () => {
  it("a path runs left to right in one row", () => {
    const places = layered({ nodes: ["a", "b", "c"], edges: chain("ab bc") });
    expect([..."abc"].map((id) => places.get(id))).toEqual([
      { x: 0, y: 0 },
      { x: 1, y: 0 },
      { x: 2, y: 0 },
    ]);
  });

  it("a cycle still gives every node a place of its own", () => {
    const places = layered({ nodes: [..."abcd"], edges: chain("ab bc ca cd") });
    const spots = new Set([...places.values()].map(({ x, y }) => `${x},${y}`));
    expect(spots.size).toBe(4);
  });

  it("a strong edge keeps its direction where a weak one closes the cycle", () => {
    const edges = [
      { source: "b", target: "a" },
      { source: "a", target: "b", strong: true },
    ];
    const places = layered({ nodes: ["a", "b"], edges });
    expect(places.get("a")?.x).toBeLessThan(places.get("b")?.x ?? 0);
  });

  it("nodes of one layer keep a gap", () => {
    const leaves = Array.from({ length: 9 }, (_, at) => `n${at}`);
    const places = layered({ nodes: ["r", ...leaves], edges: leaves.map((target) => ({ source: "r", target })) });
    const rows = leaves.map((id) => places.get(id)?.y ?? 0).sort((a, b) => a - b);
    for (let at = 1; at < rows.length; at++)
      expect((rows[at] ?? 0) - (rows[at - 1] ?? 0)).toBeGreaterThanOrEqual(1 - 1e-9);
  });

  it("ends stand in the last layer", () => {
    const places = layered({ nodes: [..."abcz"], edges: chain("ab bc az"), ends: ["z"] });
    expect(places.get("z")?.x).toBe(2);
  });

  it("an edge to a node that is not there is left out", () => {
    expect(layered({ nodes: ["a"], edges: chain("ax xa aa") }).size).toBe(1);
  });

  it("800 nodes take less than a second", () => {
    const nodes = Array.from({ length: 800 }, (_, at) => `n${at}`);
    const edges = nodes.slice(1).map((target, at) => ({ source: nodes[Math.floor(at / 3)] ?? "", target }));
    const start = performance.now();
    expect(layered({ nodes, edges }).size).toBe(800);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("spaced", () => {
  it("keeps order and gap and moves as little as it can", () => {
    expect(spaced([0, 0, 0])).toEqual([-1, 0, 1]);
    expect(spaced([0, 5])).toEqual([0, 5]);
    expect(spaced([3, 1])).toEqual([1.5, 2.5]);
  });
});

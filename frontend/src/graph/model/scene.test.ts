import { describe, expect, it } from "vitest";
import { edge, node, subgraph } from "../../testing/make";
import { changeOf, display, FOLD_FROM, sizeOf } from "./display";
import { begin, KEPT, push, undo } from "./history";
import { fold, merge, remove, sceneOf, unfold } from "./scene";

const [a, b, c] = [node("a"), node("b"), node("c")];
const options = { window: { since: null, until: null }, sized: true, keep: new Set<string>() };
const star = (size: number) =>
  subgraph(Array.from({ length: size }, (_, at) => edge(node(`u${at}`), "MemberOf", node("hub", { kind: "Group" }))));

describe("scene", () => {
  it("an expansion adds what is new and lowers the hidden count of its neighbours", () => {
    const scene = sceneOf(subgraph([edge(a, "MemberOf", b)], { b: 3 }));
    const grown = merge(scene, { ...subgraph([edge(c, "MemberOf", b)]), nodes: [c] });
    expect([...grown.nodes.keys()]).toEqual(["a", "b", "c"]);
    expect(grown.hidden.get("b")).toBe(2);
  });

  it("a node that is told again has the newer count", () => {
    const scene = merge(
      sceneOf(subgraph([edge(a, "MemberOf", b)], { a: 5 })),
      subgraph([edge(a, "AdminTo", c)], { a: 1 }),
    );
    expect(scene.hidden.get("a")).toBe(1);
  });

  it("a removed node takes its edges along and is counted as hidden", () => {
    const scene = remove(sceneOf(subgraph([edge(a, "MemberOf", b), edge(b, "AdminTo", c)])), "b");
    expect(scene.edges.size).toBe(0);
    expect(scene.hidden.get("a")).toBe(1);
    expect(scene.hidden.get("c")).toBe(1);
  });
});

describe("display", () => {
  it("many alike leaves fold into one count", () => {
    const shown = display(sceneOf(star(FOLD_FROM)), options);
    expect(shown.nodes.map((one) => one.label).sort()).toEqual([`+${FOLD_FROM} users`, "HUB"]);
    expect(shown.edges).toHaveLength(1);
  });

  it("few leaves stay, and an opened aggregate stays open until it is folded", () => {
    expect(display(sceneOf(star(FOLD_FROM - 1)), options).nodes).toHaveLength(FOLD_FROM);
    const open = unfold(sceneOf(star(FOLD_FROM)), "hub|MemberOf|User|in");
    expect(display(open, options).nodes).toHaveLength(FOLD_FROM + 1);
    expect(display(fold(open, "hub"), options).nodes).toHaveLength(2);
  });

  it("Tier Zero never hides in an aggregate", () => {
    const graph = star(FOLD_FROM);
    const crown = edge(node("king", { tierZero: true }), "MemberOf", node("hub", { kind: "Group" }));
    const shown = display(sceneOf({ ...subgraph([...graph.edges, crown]) }), options);
    expect(shown.nodes.some((one) => one.id === "king")).toBe(true);
  });

  it("parallel edges have lanes of their own, also against each other's direction", () => {
    const shown = display(
      sceneOf(subgraph([edge(a, "MemberOf", b), edge(a, "LogonTo", b, { observed: true }), edge(b, "HasSession", a)])),
      options,
    );
    const seen = shown.edges.map((one) => (one.source < one.target ? one.lane : -one.lane));
    expect(new Set(seen).size).toBe(3);
  });

  it("rights from one node to another are one line, the cheapest; those of a path stay lines of their own", () => {
    const rights = [edge(a, "Owns", b, { cost: 4 }), edge(a, "GenericAll", b, { cost: 2 }), edge(a, "WriteDacl", b)];
    const scene = sceneOf(subgraph(rights));
    expect(display(scene, options).edges.map((one) => [one.kind, one.more])).toEqual([["WriteDacl", 2]]);
    const keepEdges = new Set([rights[1]?.id ?? ""]);
    const kept = display(scene, { ...options, keepEdges }).edges.map((one) => [one.kind, one.more]);
    expect(kept).toEqual([
      ["WriteDacl", 1],
      ["GenericAll", 0],
    ]);
  });

  it("a right between others stands back, what was observed does not", () => {
    const c = node("c");
    const scene = sceneOf(
      subgraph([edge(a, "Owns", b), edge(b, "Owns", c), edge(b, "LogonTo", c, { observed: true })]),
    );
    const shown = display(scene, { ...options, focus: new Set([a.id]) });
    expect(shown.edges.map((one) => one.aside)).toEqual([false, true, false]);
  });

  it("what was first seen in the window came, what ended went", () => {
    const window = { since: "2026-02-01", until: null };
    expect(changeOf(edge(a, "X", b, { firstSeenAt: "2026-03-01" }), window)).toBe("came");
    expect(changeOf(edge(a, "X", b, { firstSeenAt: "2026-01-01" }), window)).toBe("same");
    expect(changeOf(edge(a, "X", b, { endedAt: "2026-03-01" }), window)).toBe("went");
    expect(changeOf(edge(a, "X", b, { endedAt: "2026-05-01" }), { since: null, until: "2026-04-01" })).toBe("same");
  });

  it("size grows with the root of impact", () => {
    expect(sizeOf(node("a", { impact: 25 }), 100) - sizeOf(node("a", { impact: 0 }), 100)).toBeCloseTo(3);
  });
});

describe("history", () => {
  it("undo gives back the present before, and stops at the first", () => {
    const history = push(push(begin(1), 2), 3);
    expect(undo(history).present).toBe(2);
    expect(undo(undo(undo(history))).present).toBe(1);
  });

  it("keeps a bounded past", () => {
    let history = begin(0);
    for (let at = 1; at < 500; at++) history = push(history, at);
    expect(history.past).toHaveLength(KEPT);
  });
});

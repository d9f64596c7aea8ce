"""igraph and networkit on the edges that the engine's benchmark wrote: little-endian u32 source, u32 target, u8 cost.

Each figure is the best of three (of one where a run takes longer than ten seconds), in milliseconds: wall clock and
processor time. Tier Zero is the ten nodes 0 to 9, as in `graph/benches/engine.rs`.
"""

import gc
import resource
import sys
import time

import numpy as np

HUBS = list(range(10))


def busy():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(name, work):
    best = (float("inf"), float("inf"))
    result = None
    for _ in range(3):
        result = None
        gc.collect()
        wall, cpu = time.perf_counter(), busy()
        result = work()
        took, used = time.perf_counter() - wall, busy() - cpu
        best = (min(best[0], took), min(best[1], used))
        if took > 10:
            break
    print(f"{name:<46}{best[0] * 1000:>10.1f} ms{best[1] * 1000:>10.1f} ms on cpu", flush=True)
    return result


def igraph_peer(table, nodes):
    import igraph

    # One node stands for the set: igraph searches from one node.
    root = nodes
    pairs = np.empty((len(table) + len(HUBS), 2), dtype=np.int64)
    pairs[: len(table), 0], pairs[: len(table), 1] = table["source"], table["target"]
    pairs[len(table) :, 0], pairs[len(table) :, 1] = HUBS, root
    weights = np.concatenate([table["cost"], np.zeros(len(HUBS))]).astype(float)
    graph = measured("igraph: build", lambda: igraph.Graph(n=nodes + 1, edges=pairs, directed=True))
    reached = measured("igraph: who reaches ten hubs", lambda: len(graph.subcomponent(root, mode="in")))
    measured(
        "igraph: cheapest cost to ten hubs, all sources",
        lambda: graph.distances(source=[root], weights=weights, mode="in")[0],
    )
    measured("igraph: dominators", lambda: graph.dominator(root, mode="in"))
    measured(
        "igraph: 10 cheapest paths, one source",
        lambda: len(graph.get_k_shortest_paths(900_000 % nodes, root, k=10, weights=weights, output="epath")),
    )
    return reached - 1


def networkit_peer(table, nodes):
    import networkit

    root = nodes
    # networkit searches along edges: the graph is turned round.
    source = np.concatenate([table["target"], np.full(len(HUBS), root)]).astype(np.uint64)
    target = np.concatenate([table["source"], HUBS]).astype(np.uint64)
    weight = np.concatenate([table["cost"], np.zeros(len(HUBS))]).astype(float)
    graph = measured(
        "networkit: build, one direction",
        lambda: networkit.GraphFromCoo((weight, (source, target)), n=nodes + 1, weighted=True, directed=True),
    )

    unweighted = networkit.graphtools.toUnweighted(graph)

    def breadth():
        search = networkit.distance.BFS(unweighted, root, False)
        search.run()
        return search.getReachableNodes()

    def dijkstra():
        search = networkit.distance.Dijkstra(graph, root, False)
        search.run()
        return search.getReachableNodes()

    reached = measured("networkit: who reaches ten hubs", breadth)
    measured("networkit: cheapest cost to ten hubs, all sources", dijkstra)
    return reached - 1


def main():
    path, nodes = sys.argv[1], int(sys.argv[2])
    table = np.fromfile(path, dtype=np.dtype([("source", "<u4"), ("target", "<u4"), ("cost", "u1")]))
    by = {}
    for name, peer in (("igraph", igraph_peer), ("networkit", networkit_peer)):
        by[name] = peer(table, nodes)
        gc.collect()
    print("nodes that reach ten hubs:", ", ".join(f"{name} {count}" for name, count in by.items()))


main()

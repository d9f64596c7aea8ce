/**
 * The scene behind the canvas: loaded for the question in the URL, grown by expansion, taken back by undo. An undo
 * restores the question, the nodes and where they stood.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { type CombinedError, useClient, useQuery } from "urql";
import { useLocation, useSearch } from "wouter";
import { GraphQuery, PathsQuery } from "../api/documents/graph";
import type { PathsQuery as PathsData } from "../gql/graphql";
import { begin, type History, push, undo } from "./model/history";
import { EMPTY, merge, type Point, type Scene, sceneOf } from "./model/scene";
import { type GraphParams, graphInput, pathInput } from "./useGraphParams";

/** Nodes that one expansion may add; the rest stays a count. */
const EXPAND_LIMIT = 120;

interface Snapshot {
  key: string;
  search: string;
  scene: Scene;
  positions: ReadonlyMap<string, Point>;
}

export interface SceneState {
  scene: Scene;
  positions: Map<string, Point>;
  paths: PathsData["paths"] | undefined;
  fetching: boolean;
  error: CombinedError | undefined;
  grown: boolean;
  canUndo: boolean;
  change: (next: Scene) => void;
  expand: (id: string) => Promise<void>;
  undo: () => void;
  again: () => void;
}

export function useScene(params: GraphParams): SceneState {
  const client = useClient();
  const search = useSearch();
  const [path, navigate] = useLocation();
  const byPath = params.from !== null;
  const input = byPath ? pathInput(params) : graphInput(params, params.focus);
  const key = JSON.stringify([byPath, input]);
  const [graph, againGraph] = useQuery({
    query: GraphQuery,
    variables: { input: graphInput(params, params.focus) },
    pause: byPath,
  });
  const [found, againPaths] = useQuery({ query: PathsQuery, variables: { input: pathInput(params) }, pause: !byPath });
  const [history, setHistory] = useState<History<Snapshot>>(() =>
    begin({ key: "", search: "", scene: EMPTY, positions: new Map() }),
  );
  const [positions, setPositions] = useState(() => new Map<string, Point>());
  const [failed, setFailed] = useState<CombinedError>();
  const now = useRef({ positions, search });
  now.current = { positions, search };

  const answer = byPath ? found.data?.paths.graph : graph.data?.graph;
  const stale = byPath ? found.fetching || found.stale : graph.fetching || graph.stale;
  useEffect(() => {
    if (answer === undefined || stale) return;
    setHistory((before) => {
      if (before.present.key === key) return before;
      const next = { key, search: now.current.search, scene: sceneOf(answer), positions: now.current.positions };
      return before.present.key === "" ? begin(next) : push(freeze(before, now.current.positions), next);
    });
  }, [answer, stale, key]);

  const change = useCallback((scene: Scene) => {
    setHistory((before) => push(freeze(before, now.current.positions), { ...before.present, scene }));
  }, []);

  const expand = useCallback(
    async (id: string) => {
      const asked = graphInput({ ...params, depth: 1 }, [id], EXPAND_LIMIT);
      const result = await client.query(GraphQuery, { input: asked }).toPromise();
      setFailed(result.error);
      const data = result.data;
      if (data === undefined) return;
      setHistory((before) =>
        push(freeze(before, now.current.positions), {
          ...before.present,
          scene: merge(before.present.scene, data.graph),
        }),
      );
    },
    [client, params],
  );

  const back = useCallback(() => {
    const next = undo(history);
    if (next === history) return;
    setHistory(next);
    setPositions(new Map(next.present.positions));
    if (next.present.search !== now.current.search)
      navigate(`${path}${next.present.search === "" ? "" : `?${next.present.search}`}`, { replace: true });
  }, [history, navigate, path]);

  const result = byPath ? found : graph;
  return {
    scene: history.present.scene,
    positions,
    paths: byPath ? found.data?.paths : undefined,
    fetching: result.fetching,
    error: result.error ?? failed,
    grown: history.past.at(-1)?.key === history.present.key,
    canUndo: history.past.length > 0,
    change,
    expand,
    undo: back,
    again: () => (byPath ? againPaths : againGraph)({ requestPolicy: "network-only" }),
  };
}

/** Keeps where nodes stand at this moment in the snapshot that becomes the past. */
function freeze(history: History<Snapshot>, positions: ReadonlyMap<string, Point>): History<Snapshot> {
  return { ...history, present: { ...history.present, positions: new Map(positions) } };
}

/** The graph: canvas first; left the question and its paths, right what is selected, below the time. */
import { useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { useQuery } from "urql";
import { LegendQuery, ObservedHistogramQuery } from "../../api/documents/graph";
import { Empty, Failed } from "../../components/Loaded/Loaded";
import { Canvas, type CanvasHandle } from "../../graph/Canvas/Canvas";
import { useGraphKeys } from "../../graph/interactions/useGraphKeys";
import { Legend } from "../../graph/Legend/Legend";
import type { Method } from "../../graph/layout/protocol";
import { useLayout } from "../../graph/layout/useLayout";
import { learnShapes } from "../../graph/marks/glyphs";
import { display as displayOf } from "../../graph/model/display";
import { fold, remove, unfold } from "../../graph/model/scene";
import { EdgeRail, NodeRail } from "../../graph/rails/DetailRail";
import { PathRail } from "../../graph/rails/PathRail";
import { Slider } from "../../graph/Slider/Slider";
import { useAlertCounts } from "../../graph/useAlertCounts";
import { joined, useGraphParams } from "../../graph/useGraphParams";
import { useMarks } from "../../graph/useMarks";
import { useScene } from "../../graph/useScene";
import { WatermarkContext } from "../../state/time";
import css from "./Graph.module.css";
import { GraphNotes } from "./GraphNotes";
import { Toolbar } from "./Toolbar";

const BUCKETS = 90;
/** Not seen for this long before the newest event: drawn hollow. */
const STALE_MS = 90 * 86_400_000;

export default function Graph() {
  const [params, set] = useGraphParams();
  const [legend] = useQuery({ query: LegendQuery });
  const kinds = useMemo(() => {
    learnShapes(legend.data?.nodeKinds ?? []);
    return (legend.data?.nodeKinds ?? []).map((one) => one.kind);
  }, [legend.data]);
  if (legend.error !== undefined && legend.data === undefined) return <Failed error={legend.error} />;
  if (kinds.length === 0) return null;
  return <Stage params={params} set={set} kinds={kinds} />;
}

interface StageProps {
  params: ReturnType<typeof useGraphParams>[0];
  set: ReturnType<typeof useGraphParams>[1];
  kinds: readonly string[];
}

function Stage({ params, set, kinds }: StageProps) {
  const state = useScene(params);
  const { scene, positions, paths } = state;
  const canvas = useRef<CanvasHandle>(null);
  const [sized, setSized] = useState(true);
  const [picking, setPicking] = useState(false);
  const [left, setLeft] = useState(true);
  const [right, setRight] = useState(true);
  const [histogram] = useQuery({ query: ObservedHistogramQuery, variables: { buckets: BUCKETS } });
  const alerts = useAlertCounts();
  const watermark = useContext(WatermarkContext);
  const pathing = params.from !== null;
  const active = paths?.paths[Math.min(params.path, paths.paths.length - 1)];
  const selected = params.selected?.slice(2) ?? null;
  const selectedNode = params.selected?.startsWith("n:") ? selected : null;
  const selectedEdge = params.selected?.startsWith("e:") ? scene.edges.get(selected ?? "") : undefined;

  const keep = useMemo(
    () => new Set([...params.focus, params.from ?? "", params.to ?? "", ...(pathing ? scene.nodes.keys() : [])]),
    [params.focus, params.from, params.to, pathing, scene],
  );
  const keepEdges = useMemo(
    () => new Set([selected ?? "", ...(paths?.paths ?? []).flatMap((path) => path.hops.map((hop) => hop.id))]),
    [selected, paths],
  );
  const focus = useMemo(() => new Set(pathing ? [] : params.focus), [pathing, params.focus]);
  const shown = useMemo(
    () => displayOf(scene, { window: { since: params.since, until: params.until }, sized, keep, keepEdges, focus }),
    [scene, params.since, params.until, sized, keep, keepEdges, focus],
  );
  const staleBefore = useMemo(
    () => new Date((watermark === null ? Date.now() : Date.parse(watermark)) - STALE_MS).toISOString(),
    [watermark],
  );
  const marks = useMarks(active, selected, alerts, staleBefore);
  const method = methodOf(params.layout, pathing, params.focus, shown.nodes.length, state.grown);
  const tierZero = useMemo(
    () => [...scene.nodes.values()].filter((node) => node.tierZero).map((node) => node.id),
    [scene],
  );

  const fitted = useRef(false);
  const onPlaced = useCallback((places: ReadonlyMap<string, { x: number; y: number }>) => {
    canvas.current?.place(places);
    if (!fitted.current) canvas.current?.fit();
    fitted.current = true;
  }, []);
  useLayout(shown, {
    method,
    starts: pathing && params.from !== null ? [params.from] : [],
    ends: params.to === null ? tierZero : [params.to],
    centre: params.focus[0] ?? null,
    strong: new Set(active?.hops.map((hop) => hop.id)),
    positions,
    onPlaced,
  });

  const select = useCallback((mark: string | null) => set({ sel: mark }), [set]);
  const nameOf = useCallback((id: string) => scene.nodes.get(id)?.name ?? id, [scene]);
  const open = (id: string) =>
    id.startsWith("fold:") ? state.change(unfold(scene, id.slice(5))) : void state.expand(id);
  const onNode = (id: string) => {
    if (picking && !id.startsWith("fold:")) {
      setPicking(false);
      set({ from: selectedNode ?? params.from, to: id, path: null, sel: null });
    } else select(`n:${id}`);
  };
  const actions = {
    fit: () => canvas.current?.fit(),
    expand: () => selectedNode !== null && open(selectedNode),
    pathFrom: () => {
      if (selectedNode !== null) setPicking(true);
    },
    toTierZero: () =>
      selectedNode !== null && set({ from: selectedNode, to: null, focus: null, path: null, sel: null }),
    exclude: () => exclude(),
    group: () =>
      selectedNode?.startsWith("fold:") ? open(selectedNode) : state.change(fold(scene, selectedNode ?? undefined)),
    undo: () => state.undo(),
    clear: () => {
      setPicking(false);
      select(null);
    },
  };
  const exclude = () => {
    if (selectedEdge !== undefined && pathing)
      set({ notEdge: joined([...params.notEdges, selectedEdge.id]), sel: null, path: null });
    else if (selectedNode !== null && pathing)
      set({ not: joined([...params.notNodes, selectedNode]), sel: null, path: null });
    else if (selectedNode !== null) {
      state.change(remove(scene, selectedNode));
      select(null);
    }
  };
  useGraphKeys(actions);
  useEffect(() => {
    if (selectedNode !== null) canvas.current?.look(selectedNode);
  }, [selectedNode]);

  const edgeKinds = useMemo(() => tally([...scene.edges.values()].map((edge) => edge.kind)), [scene]);
  const nodeKinds = useMemo(() => new Set(shown.nodes.map((node) => node.kind)), [shown]);
  const empty =
    shown.nodes.length === 0 && !state.fetching && state.error === undefined && (!pathing || paths !== undefined);

  return (
    <div className={css.page} data-left={left} data-right={right}>
      {left && (
        <aside className={css.left} aria-label="Question">
          <PathRail
            params={params}
            set={set}
            paths={paths}
            nameOf={nameOf}
            onFocus={(id) => set({ focus: joined([id]), from: null, to: null, path: null, sel: `n:${id}` })}
            onHop={(id) => select(`e:${id}`)}
          />
        </aside>
      )}
      <section className={css.centre} aria-label="Graph">
        <div className={css.canvas}>
          <Canvas
            handle={canvas}
            display={shown}
            positions={positions}
            kinds={kinds}
            marks={marks}
            label={`Graph of ${shown.nodes.length} nodes and ${shown.edges.length} edges`}
            onNode={onNode}
            onEdge={(id) => !id.startsWith("fold:") && select(`e:${id}`)}
            onStage={() => select(null)}
            onOpen={open}
          />
          <GraphNotes
            state={state}
            shown={shown}
            picking={picking}
            from={selectedNode === null ? null : nameOf(selectedNode)}
            limit={params.limit}
            onMore={() => set({ limit: String(Math.min(2000, params.limit * 2)) })}
            onTierZero={() => {
              setPicking(false);
              actions.toTierZero();
            }}
          />
          {empty && (
            <div className={css.empty}>
              <Empty title={pathing ? "No path" : "Nothing to draw"}>
                {pathing
                  ? (paths?.reason ?? "The rights and sessions known here do not connect them.")
                  : "Load a directory snapshot, or widen the window below."}
              </Empty>
            </div>
          )}
          <Toolbar
            params={params}
            set={set}
            scene={scene}
            left={left}
            right={right}
            sized={sized}
            canUndo={state.canUndo}
            onLeft={() => setLeft(!left)}
            onRight={() => setRight(!right)}
            onSized={setSized}
            onFit={actions.fit}
            onUndo={state.undo}
          />
        </div>
        <Slider
          buckets={histogram.data?.observedHistogram ?? []}
          asOf={params.asOf}
          since={params.since}
          until={params.until}
          onAsOf={(time) => set({ asOf: time })}
          onWindow={(since, until) => set({ since, until })}
        />
      </section>
      {right && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <aside className={css.right} aria-label="Detail" tabIndex={0}>
          {selectedNode !== null && !selectedNode.startsWith("fold:") ? (
            <NodeRail
              id={selectedNode}
              asOf={params.asOf}
              hidden={scene.hidden.get(selectedNode) ?? 0}
              actions={{ ...actions, expand: () => open(selectedNode), pathFrom: () => setPicking(true) }}
            />
          ) : selectedEdge !== undefined ? (
            <EdgeRail edge={selectedEdge} asOf={params.asOf} onExclude={exclude} />
          ) : (
            <Legend
              nodeKinds={nodeKinds}
              edgeKinds={edgeKinds}
              onExclude={
                pathing ? (kind) => set({ notKind: joined([...params.notKinds, kind]), path: null }) : undefined
              }
            />
          )}
        </aside>
      )}
    </div>
  );
}

/** Paths are layered, one entity is radial, a small overview is layered, everything else is force. */
function methodOf(
  chosen: "auto" | Method,
  pathing: boolean,
  focus: readonly string[],
  size: number,
  grown: boolean,
): Method {
  if (chosen === "radial" && focus.length === 0) return "force";
  if (chosen !== "auto") return chosen;
  if (pathing && !grown) return "layered";
  if (focus.length === 1 && !grown) return "radial";
  return focus.length === 0 && !grown && size <= 48 ? "layered" : "force";
}

function tally(kinds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

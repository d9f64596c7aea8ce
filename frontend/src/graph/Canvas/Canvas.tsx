/** The canvas: one sigma renderer for the life of the view; display, places and marks are synced into it. */
import { useComputedColorScheme } from "@mantine/core";
import { MultiDirectedGraph } from "graphology";
import { type Ref, useEffect, useImperativeHandle, useMemo, useRef, useState } from "react";
import Sigma from "sigma";
import { useDrag } from "../interactions/useDrag";
import { useHover } from "../interactions/useHover";
import { useSelect } from "../interactions/useSelect";
import { drawAtlas } from "../marks/atlas";
import { edgeProgram } from "../marks/edgeProgram";
import { nodeProgram } from "../marks/nodeProgram";
import { drawNodeName, drawOverlay, type OverlayState } from "../marks/overlay";
import { readPalette } from "../marks/palette";
import type { Display } from "../model/display";
import type { Point } from "../model/scene";
import css from "./Canvas.module.css";
import { type Marks, reducers } from "./reducers";
import { sync } from "./sync";

export interface CanvasHandle {
  fit: () => void;
  place: (positions: ReadonlyMap<string, Point>) => void;
  look: (id: string) => void;
}

interface Props {
  handle: Ref<CanvasHandle>;
  display: Display;
  positions: Map<string, Point>;
  kinds: readonly string[];
  marks: Marks;
  label: string;
  onNode: (id: string) => void;
  onEdge: (id: string) => void;
  onStage: () => void;
  onOpen: (id: string) => void;
}

const still = (): boolean => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

export function Canvas({ handle, display, positions, kinds, marks, label, onNode, onEdge, onStage, onOpen }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const [renderer, setRenderer] = useState<Sigma | null>(null);
  const graph = useMemo(() => new MultiDirectedGraph(), []);
  const scheme = useComputedColorScheme("light");
  const palette = useRef(readPalette());
  const state = useRef<OverlayState & { marks: Marks }>(null);
  const hovered = useHover(renderer);
  useSelect(renderer, { onNode, onEdge, onStage, onOpen });
  useDrag(renderer, positions);

  const kindKey = kinds.join(",");
  const atlas = useMemo(() => drawAtlas(kindKey.split(",")), [kindKey]);
  const nodes = useMemo(() => new Map(display.nodes.map((node) => [node.id, node])), [display]);
  const edges = useMemo(() => new Map(display.edges.map((edge) => [edge.id, edge])), [display]);
  state.current = {
    nodes,
    edges,
    hops: marks.hops,
    alerts: marks.alerts,
    faded: marks.faded,
    hovered,
    selected: marks.selected,
    marks,
  };

  useEffect(() => {
    if (box.current === null) return;
    const colors = () => palette.current;
    const made = new Sigma(graph, box.current, {
      allowInvalidContainer: true,
      defaultNodeType: "glyph",
      defaultEdgeType: "hop",
      nodeProgramClasses: { glyph: nodeProgram(atlas, colors) },
      edgeProgramClasses: { hop: edgeProgram(colors) },
      enableEdgeEvents: true,
      zIndex: true,
      stagePadding: 64,
      minCameraRatio: 0.05,
      maxCameraRatio: 4,
      labelDensity: 1.2,
      labelGridCellSize: 70,
      labelRenderedSizeThreshold: 5.5,
      defaultDrawNodeLabel: drawNodeName(colors),
      defaultDrawNodeHover: () => undefined,
      zoomDuration: still() ? 0 : 150,
      ...reducers(
        () => state.current,
        () => palette.current,
        atlas.cellOf,
      ),
    });
    made.on("afterRender", () => {
      if (above.current !== null && state.current !== null)
        drawOverlay(above.current, made, state.current, palette.current);
    });
    setRenderer(made);
    return () => {
      setRenderer(null);
      made.kill();
    };
  }, [graph, atlas]);

  useEffect(() => {
    sync(graph, display, positions);
    renderer?.refresh();
  }, [graph, display, positions, renderer]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: marks and theme change what the reducers read
  useEffect(() => {
    palette.current = readPalette();
    renderer?.refresh({ skipIndexation: true });
  }, [renderer, marks, hovered, scheme]);

  useImperativeHandle(
    handle,
    () => ({
      fit: () =>
        void renderer?.getCamera().animate({ x: 0.5, y: 0.5, ratio: 1, angle: 0 }, { duration: still() ? 0 : 150 }),
      place: (places) => {
        for (const [id, { x, y }] of places) {
          positions.set(id, { x, y });
          if (graph.hasNode(id)) graph.mergeNodeAttributes(id, { x, y });
        }
        renderer?.refresh();
      },
      look: (id) => {
        const at = renderer?.getNodeDisplayData(id);
        if (at !== undefined) void renderer?.getCamera().animate({ x: at.x, y: at.y }, { duration: still() ? 0 : 150 });
      },
    }),
    [renderer, graph, positions],
  );

  return (
    <div className={css.stage} role="img" aria-label={label}>
      <div ref={box} className={css.box} data-testid="graph-canvas" />
      <canvas ref={above} className={css.above} />
    </div>
  );
}

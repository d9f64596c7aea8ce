/** A node follows the pointer while it is held; its new place is kept. */
import { useEffect } from "react";
import type Sigma from "sigma";
import type { MouseCoords } from "sigma/types";
import type { Point } from "../model/scene";

export function useDrag(renderer: Sigma | null, positions: Map<string, Point>): void {
  useEffect(() => {
    if (renderer === null) return;
    let held: string | null = null;
    const down = ({ node }: { node: string }) => {
      held = node;
      if (!renderer.getCustomBBox()) renderer.setCustomBBox(renderer.getBBox());
    };
    const move = (event: MouseCoords) => {
      if (held === null) return;
      const place = renderer.viewportToGraph(event);
      renderer.getGraph().mergeNodeAttributes(held, place);
      positions.set(held, place);
      event.preventSigmaDefault();
      event.original.preventDefault();
    };
    const up = () => {
      held = null;
      renderer.setCustomBBox(null);
    };
    const mouse = renderer.getMouseCaptor();
    renderer.on("downNode", down);
    mouse.on("mousemovebody", move);
    mouse.on("mouseup", up);
    return () => {
      renderer.off("downNode", down);
      mouse.off("mousemovebody", move);
      mouse.off("mouseup", up);
    };
  }, [renderer, positions]);
}

/** A click selects a node or an edge, on the stage it selects nothing; a double click opens (expands, unfolds). */
import { useEffect, useRef } from "react";
import type Sigma from "sigma";

interface Actions {
  onNode: (id: string) => void;
  onEdge: (id: string) => void;
  onStage: () => void;
  onOpen: (id: string) => void;
}

export function useSelect(renderer: Sigma | null, actions: Actions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    if (renderer === null) return;
    const onNode = ({ node }: { node: string }) => latest.current.onNode(node);
    const onEdge = ({ edge }: { edge: string }) => latest.current.onEdge(edge);
    const onStage = () => latest.current.onStage();
    const onOpen = ({ node, preventSigmaDefault }: { node: string; preventSigmaDefault: () => void }) => {
      preventSigmaDefault();
      latest.current.onOpen(node);
    };
    renderer.on("clickNode", onNode);
    renderer.on("clickEdge", onEdge);
    renderer.on("clickStage", onStage);
    renderer.on("doubleClickNode", onOpen);
    return () => {
      renderer.off("clickNode", onNode);
      renderer.off("clickEdge", onEdge);
      renderer.off("clickStage", onStage);
      renderer.off("doubleClickNode", onOpen);
    };
  }, [renderer]);
}

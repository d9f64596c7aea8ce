/** The node or edge under the pointer. */
import { useEffect, useState } from "react";
import type Sigma from "sigma";

export function useHover(renderer: Sigma | null): string | null {
  const [hovered, setHovered] = useState<string | null>(null);
  useEffect(() => {
    if (renderer === null) return;
    const box = renderer.getContainer();
    const enter = (id: string) => {
      setHovered(id);
      box.style.cursor = "pointer";
    };
    const leave = () => {
      setHovered(null);
      box.style.cursor = "";
    };
    const onNode = ({ node }: { node: string }) => enter(node);
    const onEdge = ({ edge }: { edge: string }) => enter(edge);
    renderer.on("enterNode", onNode);
    renderer.on("enterEdge", onEdge);
    renderer.on("leaveNode", leave);
    renderer.on("leaveEdge", leave);
    return () => {
      renderer.off("enterNode", onNode);
      renderer.off("enterEdge", onEdge);
      renderer.off("leaveNode", leave);
      renderer.off("leaveEdge", leave);
    };
  }, [renderer]);
  return hovered;
}

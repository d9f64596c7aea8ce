/** The keys of the graph: f e p 0 x g z and Escape; silent in fields and dialogs. */
import { useEffect, useRef } from "react";

export interface GraphActions {
  fit: () => void;
  expand: () => void;
  pathFrom: () => void;
  toTierZero: () => void;
  exclude: () => void;
  group: () => void;
  undo: () => void;
  clear: () => void;
}

const KEYS: Record<string, keyof GraphActions> = {
  f: "fit",
  e: "expand",
  p: "pathFrom",
  "0": "toTierZero",
  x: "exclude",
  g: "group",
  z: "undo",
  Escape: "clear",
};

export function useGraphKeys(actions: GraphActions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest("input,textarea,select,[role=dialog],[role=slider]"))
        return;
      const name = KEYS[event.key];
      if (name === undefined) return;
      event.preventDefault();
      latest.current[name]();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

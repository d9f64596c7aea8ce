/** j and k move through a list, Enter opens, t triages; not while a field has the focus or a dialog is open. */
import { useEffect, useRef, useState } from "react";

interface Row {
  id: string;
}

interface Options<R> {
  onOpen: (row: R) => void;
  onTriage: (row: R) => void;
  off: boolean;
}

export function useListKeys<R extends Row>(
  rows: readonly R[],
  options: Options<R>,
): [string | null, (id: string) => void] {
  const [selected, setSelected] = useState<string | null>(null);
  const latest = useRef({ rows, options, selected });
  latest.current = { rows, options, selected };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { rows, options, selected } = latest.current;
      const busy =
        event.target instanceof Element && event.target.closest("input,textarea,select,button,a,[role=dialog]");
      if (options.off || event.metaKey || event.ctrlKey || event.altKey) return;
      const at = rows.findIndex((row) => row.id === selected);
      const row = rows[at];
      if (busy && !(event.key === "j" || event.key === "k")) return;
      if (event.target instanceof Element && event.target.closest("input,textarea,[role=dialog]")) return;
      if (event.key === "j" || event.key === "k") {
        const next = rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))];
        if (next === undefined) return;
        setSelected(next.id);
        document.querySelector(`[data-row="${CSS.escape(next.id)}"]`)?.scrollIntoView({ block: "nearest" });
      } else if (event.key === "Enter" && row !== undefined) options.onOpen(row);
      else if (event.key === "t" && row !== undefined) {
        event.preventDefault();
        options.onTriage(row);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return [selected, setSelected];
}

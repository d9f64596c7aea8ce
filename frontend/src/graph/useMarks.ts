/** The marks of the moment: the active path's hops numbered, everything off it faded. */
import { useMemo } from "react";
import type { PathsQuery } from "../gql/graphql";
import type { Marks } from "./Canvas/reducers";

type Path = PathsQuery["paths"]["paths"][number];

export function useMarks(
  active: Path | undefined,
  selected: string | null,
  alerts: ReadonlyMap<string, number>,
  staleBefore: string | null,
): Marks {
  return useMemo(() => {
    const hops = new Map<string, number>();
    const near = new Set<string>();
    active?.hops.forEach((hop, at) => {
      hops.set(hop.id, at + 1);
      for (const id of [hop.id, hop.source.id, hop.target.id]) near.add(id);
    });
    return { selected, hops, alerts, staleBefore, faded: (id) => near.size > 0 && !near.has(id) };
  }, [active, selected, alerts, staleBefore]);
}

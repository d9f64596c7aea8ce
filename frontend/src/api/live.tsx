/**
 * The live feed of alerts: one subscription for the whole app. Changes are kept (bounded) so that a list can merge them
 * into what it loaded; views that show sums ask again, at most once every two seconds.
 */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { useSubscription } from "urql";
import type { AlertRowFragment, AlertChangedSubscription as Feed } from "../gql/graphql";
import type { FeedState } from "./client";
import { AlertChangedSubscription } from "./documents/alerts";

/** Most changed alerts kept in memory; the oldest leave first, a reload brings them from the server. */
const KEPT = 500;

export interface Live {
  feed: FeedState;
  /** The newest state of every alert that changed since this page was loaded. */
  changed: ReadonlyMap<string, AlertRowFragment>;
  /** Rises at most every two seconds while changes come in: a key to ask again with. */
  beat: number;
}

const LiveContext = createContext<Live>({ feed: "connecting", changed: new Map(), beat: 0 });

export const useLive = (): Live => useContext(LiveContext);

export function LiveProvider({ feed, children }: { feed: FeedState; children: ReactNode }) {
  const [beat, setBeat] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const [result] = useSubscription<Feed, ReadonlyMap<string, AlertRowFragment>>(
    { query: AlertChangedSubscription },
    (previous, next) => withChange(previous ?? new Map(), next.alertChanged.alert),
  );
  const changed = result.data;
  useEffect(() => {
    if (changed === undefined || timer.current !== null) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      setBeat((value) => value + 1);
    }, 2000);
  }, [changed]);
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );
  const live = useMemo(() => ({ feed, changed: changed ?? new Map(), beat }), [feed, changed, beat]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

/** The map with one alert's newest state at its end, at most `KEPT` long. */
export function withChange(
  previous: ReadonlyMap<string, AlertRowFragment>,
  alert: AlertRowFragment,
): ReadonlyMap<string, AlertRowFragment> {
  const next = new Map(previous);
  next.delete(alert.id);
  next.set(alert.id, alert);
  for (const oldest of next.keys()) {
    if (next.size <= KEPT) break;
    next.delete(oldest);
  }
  return next;
}

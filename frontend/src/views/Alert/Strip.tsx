/** Events on one line of time: a tick each, failures hollow, the alert's span marked; the list below opens one by one. */
import { useState } from "react";
import { Empty } from "../../components/Loaded/Loaded";
import type { AlertQuery } from "../../gql/graphql";
import { baseName, eventName } from "../../state/format";
import { absolute, clock, useZone } from "../../state/time";
import css from "./Alert.module.css";

type TimelineEvent = NonNullable<AlertQuery["alert"]>["timeline"][number];

interface Props {
  events: readonly TimelineEvent[];
  firstAt: string;
  lastAt: string;
}

/** A quarter of the span, at least a minute, on both sides of the alert. */
export function spanOfStrip(
  events: readonly { time: string }[],
  firstAt: string,
  lastAt: string,
): { from: number; to: number } {
  const times = [...events.map((event) => Date.parse(event.time)), Date.parse(firstAt), Date.parse(lastAt)];
  const low = Math.min(...times);
  const high = Math.max(...times);
  const pad = Math.max(60_000, (high - low) * 0.05);
  return { from: low - pad, to: high + pad };
}

export function Strip({ events, firstAt, lastAt }: Props) {
  const [zone] = useZone();
  const [chosen, setChosen] = useState<string | null>(null);
  if (events.length === 0)
    return (
      <Empty title="No other event is kept">Events around the alert appear here as long as retention keeps them.</Empty>
    );
  const { from, to } = spanOfStrip(events, firstAt, lastAt);
  const place = (time: string): string => `${((Date.parse(time) - from) / (to - from)) * 100}%`;
  const shown = events.find((event) => event.id === chosen);
  return (
    <div className={css.strip}>
      <div className={css.track}>
        <div
          className={css.span}
          style={{ left: place(firstAt), width: `max(3px, calc(${place(lastAt)} - ${place(firstAt)}))` }}
          title="The alert"
        />
        {events.map((event) => (
          <button
            key={event.id}
            type="button"
            className={`${css.tick} ${event.outcome === "success" || event.outcome === "unseen" ? "" : css.failed} ${event.id === chosen ? css.ticked : ""}`}
            style={{ left: place(event.time) }}
            title={`${clock(event.time, zone)} ${eventName(event.what)}: ${event.summary}`}
            aria-label={`${absolute(event.time, zone)} ${eventName(event.what)}`}
            onClick={() => setChosen(event.id === chosen ? null : event.id)}
          />
        ))}
      </div>
      <div className={css.axis}>
        <span className="mono quiet">{absolute(new Date(from).toISOString(), zone, "min")}</span>
        <span className={shown === undefined ? "quiet" : undefined}>
          {shown === undefined
            ? `${events.length} events; choose one`
            : `${absolute(shown.time, zone, "ms")} · ${eventName(shown.what)} · ${shown.summary} · ${baseName(shown.evidence.source)} ${shown.evidence.record}`}
        </span>
        <span className="mono quiet">{absolute(new Date(to).toISOString(), zone, "min")}</span>
      </div>
    </div>
  );
}

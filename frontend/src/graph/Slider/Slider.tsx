/**
 * Time under the canvas: a histogram of observed edges, a brush over it for the window, and a handle for `asOf`. Both
 * are also moved by arrow keys; a click outside of the brush takes the window away.
 */
import { Button } from "@mantine/core";
import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import { absolute, useZone } from "../../state/time";
import css from "./Slider.module.css";

export interface Bucket {
  startAt: string;
  endAt: string;
  count: number;
}

interface Props {
  buckets: readonly Bucket[];
  asOf: string | null;
  since: string | null;
  until: string | null;
  onAsOf: (time: string | null) => void;
  onWindow: (since: string | null, until: string | null) => void;
}

/** Less than this many pixels is a click, not a brush. */
const CLICK = 4;

export function Slider({ buckets, asOf, since, until, onAsOf, onWindow }: Props) {
  const [zone] = useZone();
  const track = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const [held, setHeld] = useState<number | null>(null);
  const first = buckets[0];
  const last = buckets.at(-1);
  if (first === undefined || last === undefined)
    return (
      <div className={css.slider}>
        <span className="quiet">No observed edge yet: they come with traffic and logs.</span>
      </div>
    );
  const start = Date.parse(first.startAt);
  const span = Math.max(1, Date.parse(last.endAt) - start);
  const most = Math.max(1, ...buckets.map((bucket) => bucket.count));
  const share = (time: string): number => Math.min(1, Math.max(0, (Date.parse(time) - start) / span));
  const timeAt = (at: number): string => new Date(start + at * span).toISOString();
  const at = (event: PointerEvent): number => {
    const box = track.current?.getBoundingClientRect();
    return box === undefined ? 0 : Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const width = () => track.current?.clientWidth ?? 1;
  const point = held ?? (asOf === null ? 1 : share(asOf));
  const brush = drag ?? (since === null ? null : { from: share(since), to: until === null ? 1 : share(until) });

  const onKey = (event: KeyboardEvent) => {
    const step =
      event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : event.key === "End" ? 2 * buckets.length : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = point + step / buckets.length;
    onAsOf(next >= 0.999 ? null : timeAt(Math.max(0, next)));
  };

  return (
    <div className={css.slider}>
      <div className={css.line}>
        <span>
          as of <strong>{asOf === null ? "now" : absolute(asOf, zone, "min")}</strong>
        </span>
        {since !== null && (
          <span>
            window {absolute(since, zone, "min")} – {until === null ? "now" : absolute(until, zone, "min")}
          </span>
        )}
        <span className="quiet">drag over the bars for a window, the handle for a moment</span>
        <div className="grow" />
        {(asOf !== null || since !== null) && (
          <Button
            size="compact-xs"
            onClick={() => {
              onAsOf(null);
              onWindow(null, null);
            }}
          >
            All of time
          </Button>
        )}
      </div>
      <div
        ref={track}
        className={css.track}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: at(event), to: at(event) });
        }}
        onPointerMove={(event) => drag !== null && setDrag({ from: drag.from, to: at(event) })}
        onPointerUp={() => {
          if (drag === null) return;
          const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
          setDrag(null);
          if ((to - from) * width() < CLICK) onWindow(null, null);
          else onWindow(timeAt(from), to > 0.995 ? null : timeAt(to));
        }}
      >
        <svg className={css.bars} viewBox={`0 0 ${buckets.length} 28`} preserveAspectRatio="none" aria-hidden="true">
          {buckets.map((bucket, index) => (
            <rect
              key={bucket.startAt}
              x={index + 0.12}
              width={0.76}
              y={28 - (bucket.count / most) * 26}
              height={(bucket.count / most) * 26}
              fill="var(--hw-observed)"
              opacity={(index + 0.5) / buckets.length > point ? 0.2 : 0.75}
            >
              <title>{`${absolute(bucket.startAt, zone, "min")}: ${bucket.count} edges`}</title>
            </rect>
          ))}
        </svg>
        {brush !== null && (
          <div
            className={css.brush}
            style={{
              left: `${Math.min(brush.from, brush.to) * 100}%`,
              width: `${Math.abs(brush.to - brush.from) * 100}%`,
            }}
          />
        )}
        <div
          role="slider"
          tabIndex={0}
          className={css.handle}
          style={{ left: `${point * 100}%` }}
          aria-label="As of"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(point * 100)}
          aria-valuetext={asOf === null ? "now" : absolute(asOf, zone, "min")}
          onKeyDown={onKey}
          onPointerDown={(event) => {
            event.stopPropagation();
            event.currentTarget.setPointerCapture(event.pointerId);
            setHeld(point);
          }}
          onPointerMove={(event) => {
            event.stopPropagation();
            if (held !== null) setHeld(at(event));
          }}
          onPointerUp={(event) => {
            event.stopPropagation();
            if (held !== null) onAsOf(held >= 0.995 ? null : timeAt(held));
            setHeld(null);
          }}
        />
      </div>
      <div className={css.line}>
        <span className="quiet">{absolute(first.startAt, zone, "min")}</span>
        <div className="grow" />
        <span className="quiet">{absolute(last.endAt, zone, "min")}</span>
      </div>
    </div>
  );
}

/** A score and its parts: each bar starts where the last one ended; what lowers it is hollow. The reason stands beside. */
import { signed, words } from "../../state/format";
import css from "./Charts.module.css";

export interface Part {
  name: string;
  value: number;
  contribution: number;
  text: string;
}

export interface Bar extends Part {
  from: number;
  to: number;
}

/** Where each bar starts and ends, and the span that holds them all. */
export function fall(parts: readonly Part[]): { bars: Bar[]; low: number; high: number; total: number } {
  let at = 0;
  let low = 0;
  let high = 0;
  const bars = parts.map((part) => {
    const from = at;
    at += part.contribution;
    low = Math.min(low, at);
    high = Math.max(high, at);
    return { ...part, from, to: at };
  });
  return { bars, low, high, total: at };
}

export function Waterfall({ parts, total, label }: { parts: readonly Part[]; total: number; label: string }) {
  const { bars, low, high } = fall(parts);
  const span = Math.max(high - low, total, 1);
  const place = (from: number, to: number) => ({
    left: `${((Math.min(from, to) - low) / span) * 100}%`,
    width: `max(2px, ${(Math.abs(to - from) / span) * 100}%)`,
  });
  return (
    <div className={css.fall}>
      {bars.map((bar) => (
        <Line key={bar.name} bar={bar} style={place(bar.from, bar.to)} />
      ))}
      <div className={css.total}>{label}</div>
      <div>
        <div className={css.track}>
          <i style={place(0, total)} />
        </div>
      </div>
      <div className={`num ${css.total}`} style={{ justifyContent: "flex-end" }}>
        {total.toFixed(0)}
      </div>
      <div className="quiet">of 100</div>
    </div>
  );
}

function Line({ bar, style }: { bar: Bar; style: { left: string; width: string } }) {
  return (
    <>
      <div title={words(bar.name)}>
        <span className="ellipsis">{words(bar.name)}</span>
      </div>
      <div>
        <div className={css.track}>
          <i className={bar.contribution < 0 ? css.less : undefined} style={style} />
        </div>
      </div>
      <div className="num" style={{ justifyContent: "flex-end" }}>
        {signed(bar.contribution)}
      </div>
      <div className="second" title={bar.text}>
        <span className={css.reason}>{bar.text}</span>
      </div>
    </>
  );
}

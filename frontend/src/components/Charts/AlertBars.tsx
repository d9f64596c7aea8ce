/** Alerts by day, stacked low to high; each bar opens the list behind it. */
import { absolute, useZone } from "../../state/time";
import css from "./Charts.module.css";

export interface Bucket {
  startAt: string;
  endAt: string;
  low: number;
  medium: number;
  high: number;
}

const STEPS = [
  { key: "low", color: "var(--hw-low-mark)" },
  { key: "medium", color: "var(--hw-medium-mark)" },
  { key: "high", color: "var(--hw-high-mark)" },
] as const;

export function AlertBars({ buckets, height = 64 }: { buckets: readonly Bucket[]; height?: number }) {
  const [zone] = useZone();
  const most = Math.max(1, ...buckets.map((one) => one.low + one.medium + one.high));
  const step = 100 / Math.max(1, buckets.length);
  return (
    <svg
      className={css.bars}
      height={height}
      viewBox={`0 0 100 ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label="Alerts by day and severity"
    >
      <line
        x1="0"
        x2="100"
        y1={height - 0.5}
        y2={height - 0.5}
        stroke="var(--hw-line-strong)"
        vectorEffect="non-scaling-stroke"
      />
      {buckets.map((bucket, at) => {
        let top = height - 1;
        return (
          <g key={bucket.startAt}>
            <title>{`${absolute(bucket.startAt, zone, "min")}: ${bucket.high} high, ${bucket.medium} medium, ${bucket.low} low`}</title>
            <rect x={at * step} y={0} width={step} height={height} fill="transparent" />
            {STEPS.map(({ key, color }) => {
              const tall = (bucket[key] / most) * (height - 4);
              top -= tall;
              return (
                <rect key={key} x={at * step + step * 0.14} y={top} width={step * 0.72} height={tall} fill={color} />
              );
            })}
          </g>
        );
      })}
    </svg>
  );
}

/**
 * Time as the viewer writes it. Absolute times are ISO with their zone; relative ones have the absolute on hover.
 * Ranges count back from the newest event (the watermark), not from the wall clock: a replayed recording is looked at
 * as it was.
 */
import { createContext, useContext } from "react";
import { useParam } from "./url";

export type Zone = "utc" | "local";

export const RANGES = [
  { value: "1h", label: "1 h", ms: 3_600_000 },
  { value: "24h", label: "24 h", ms: 86_400_000 },
  { value: "7d", label: "7 d", ms: 7 * 86_400_000 },
  { value: "30d", label: "30 d", ms: 30 * 86_400_000 },
  { value: "all", label: "All time", ms: null },
] as const;

/** The newest event's time, from the health query; `null` while unknown. */
export const WatermarkContext = createContext<string | null>(null);

export function useZone(): [Zone, (zone: string | null) => void] {
  const [raw, set] = useParam("tz", "utc");
  return [raw === "local" ? "local" : "utc", set];
}

/** The start of the chosen range as the API takes it; `undefined` for all time. */
export function useSince(): string | undefined {
  const [range] = useParam("range", "all");
  const watermark = useContext(WatermarkContext);
  return sinceOf(range, watermark);
}

export function sinceOf(range: string, watermark: string | null): string | undefined {
  const span = RANGES.find((candidate) => candidate.value === range)?.ms;
  if (span === null || span === undefined) return undefined;
  const end = watermark === null ? Date.now() : Date.parse(watermark);
  return new Date(end - span).toISOString();
}

const two = (value: number): string => String(value).padStart(2, "0");

/** `2026-11-22 14:02:11.310Z`, or local with its offset. */
export function absolute(iso: string, zone: Zone, precision: "s" | "ms" | "min" = "s"): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const shifted = zone === "utc" ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  const text = shifted.toISOString();
  const day = text.slice(0, 10);
  const clock = precision === "ms" ? text.slice(11, 23) : precision === "min" ? text.slice(11, 16) : text.slice(11, 19);
  return `${day} ${clock}${zone === "utc" ? "Z" : offset(date)}`;
}

/** The clock alone: `14:02:11`. */
export function clock(iso: string, zone: Zone): string {
  return absolute(iso, zone).slice(11, 19);
}

function offset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  const size = Math.abs(minutes);
  return `${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** `3 min ago`; further back than 30 days the day itself. */
export function relative(iso: string, now = Date.now()): string {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) return iso;
  const seconds = Math.round((now - then) / 1000);
  const ahead = seconds < 0;
  const size = Math.abs(seconds);
  const say = (count: number, unit: string): string => (ahead ? `in ${count} ${unit}` : `${count} ${unit} ago`);
  if (size < 5) return "now";
  if (size < 60) return say(size, "s");
  if (size < 3600) return say(Math.round(size / 60), "min");
  if (size < 86_400) return say(Math.round(size / 3600), "h");
  if (size < 30 * 86_400) return say(Math.round(size / 86_400), "d");
  return iso.slice(0, 10);
}

/** How long from one time to another: `12 min`, `3 s`. */
export function spanOf(from: string, to: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

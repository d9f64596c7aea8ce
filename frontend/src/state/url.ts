/**
 * State that lives in the URL: filters of a view, the time range, the time zone. A parameter that equals its default
 * is left out. `tz` and `range` are carried from view to view; all else belongs to its view.
 */
import { useCallback, useMemo } from "react";
import { useLocation, useSearch } from "wouter";

const CARRIED = ["tz", "range"] as const;

/** Search string with the changes applied; `null`, empty and default values leave. */
export function withParams(search: string, changes: Record<string, string | null | undefined>): string {
  const params = new URLSearchParams(search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") params.delete(key);
    else params.set(key, value);
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

/** The part of a search string that goes along to another view. */
export function carried(search: string): Record<string, string> {
  const params = new URLSearchParams(search);
  const kept: Record<string, string> = {};
  for (const key of CARRIED) {
    const value = params.get(key);
    if (value !== null) kept[key] = value;
  }
  return kept;
}

/** A link to `path` (which may have its own search) that keeps time range and zone. */
export function hrefWith(path: string, search: string): string {
  const [base = "/", own = ""] = path.split("?");
  return base + withParams(own, carried(search));
}

/** One URL parameter with its default, and a setter that replaces the history entry. */
export function useParam(name: string, fallback = ""): [string, (value: string | null) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const value = new URLSearchParams(search).get(name) ?? fallback;
  const set = useCallback(
    (next: string | null) => {
      const changed = withParams(window.location.search, { [name]: next === fallback ? null : next });
      navigate(path + changed, { replace: true });
    },
    [name, fallback, path, navigate],
  );
  return [value, set];
}

/** A list parameter, comma-separated. */
export function useListParam(name: string): [string[], (value: readonly string[]) => void] {
  const [raw, set] = useParam(name);
  const value = useMemo(() => (raw === "" ? [] : raw.split(",")), [raw]);
  const setList = useCallback((next: readonly string[]) => set(next.join(",")), [set]);
  return [value, setList];
}

/** Several parameters at once, as one history entry. */
export function useSetParams(): (changes: Record<string, string | null>, push?: "push") => void {
  const [path, navigate] = useLocation();
  return useCallback(
    (changes, push) => navigate(path + withParams(window.location.search, changes), { replace: push === undefined }),
    [path, navigate],
  );
}

/** `go(path)`: navigate, keeping time range and zone. */
export function useGo(): (path: string) => void {
  const [, navigate] = useLocation();
  return useCallback((path) => navigate(hrefWith(path, window.location.search)), [navigate]);
}

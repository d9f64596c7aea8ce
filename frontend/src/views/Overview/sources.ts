/** Sources as the overview lists them: one by one while few, by kind when many. Pure. */
import type { OverviewQuery as Data } from "../../gql/graphql";
import { baseName, count, plural } from "../../state/format";

type Source = Data["health"]["sources"][number];

/** Up to this many are listed one by one. */
const FEW = 6;

export interface SourceGroup {
  name: string;
  note: string;
  title: string;
  newest: string | null;
  failed: boolean;
}

/** A source that gave nothing: it failed, or nothing could be read of it. */
export function silent(source: { read: number; error?: string | null }): boolean {
  return Boolean(source.error) || source.read === 0;
}

export function groupSources(sources: readonly Source[]): SourceGroup[] {
  if (sources.length <= FEW) return sources.map((one) => group(baseName(one.name), [one], one.error ?? one.kind));
  const kinds = new Map<string, Source[]>();
  for (const source of sources) kinds.set(source.kind, [...(kinds.get(source.kind) ?? []), source]);
  return [...kinds]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, own]) =>
      group(kind, own, `${plural(own.length, "file")}, ${count(own.reduce((sum, one) => sum + one.read, 0))} read`),
    );
}

function group(name: string, own: readonly Source[], note: string): SourceGroup {
  const times = own.flatMap((one) => (one.lastEventAt ? [one.lastEventAt] : []));
  return {
    name,
    note,
    title: own.map((one) => one.error ?? one.name).join("\n"),
    newest: times.sort().at(-1) ?? null,
    failed: own.some(silent),
  };
}

/** The graph's question as the URL holds it, so that a link shows the same picture. */
import { useMemo } from "react";
import { useSearch } from "wouter";
import type { GraphInput, PathInput } from "../gql/graphql";
import { useSetParams } from "../state/url";

export interface GraphParams {
  focus: string[];
  from: string | null;
  to: string | null;
  via: string[];
  notNodes: string[];
  notEdges: string[];
  notKinds: string[];
  /** How many paths. */
  k: number;
  byHops: boolean;
  depth: number;
  limit: number;
  asOf: string | null;
  since: string | null;
  until: string | null;
  observed: "both" | "observed" | "possible";
  layout: "auto" | "layered" | "force" | "radial";
  /** Which of the paths is active, from 0. */
  path: number;
  /** The selected node (`n:`) or edge (`e:`). */
  selected: string | null;
}

const list = (params: URLSearchParams, key: string): string[] =>
  (params.get(key) ?? "")
    .split(",")
    .filter((one) => one !== "")
    .map(decode);

/** Ids are encoded one by one, so that a comma in an id does not part it. */
export const joined = (ids: readonly string[]): string =>
  ids.map((id) => id.replaceAll("%", "%25").replaceAll(",", "%2C")).join(",");

function decode(text: string): string {
  return text.replaceAll("%2C", ",").replaceAll("%25", "%");
}

const within = (text: string | null, low: number, high: number, fallback: number): number => {
  const value = Number(text);
  return text === null || !Number.isInteger(value) ? fallback : Math.min(high, Math.max(low, value));
};

function oneOf<T extends string>(text: string | null, values: readonly T[], fallback: T): T {
  return values.find((value) => value === text) ?? fallback;
}

export function parseParams(search: string): GraphParams {
  const params = new URLSearchParams(search);
  return {
    focus: list(params, "focus"),
    from: params.get("from"),
    to: params.get("to"),
    via: list(params, "via"),
    notNodes: list(params, "not"),
    notEdges: list(params, "notEdge"),
    notKinds: list(params, "notKind"),
    k: within(params.get("k"), 1, 20, 3),
    byHops: params.get("by") === "hops",
    depth: within(params.get("depth"), 0, 3, 1),
    limit: within(params.get("limit"), 10, 2000, 300),
    asOf: params.get("asOf"),
    since: params.get("since"),
    until: params.get("until"),
    observed: oneOf(params.get("show"), ["both", "observed", "possible"], "both"),
    layout: oneOf(params.get("layout"), ["auto", "layered", "force", "radial"], "auto"),
    path: within(params.get("path"), 0, 19, 0),
    selected: params.get("sel"),
  };
}

export function useGraphParams(): [GraphParams, (changes: Record<string, string | null>) => void] {
  const search = useSearch();
  return [useMemo(() => parseParams(search), [search]), useSetParams()];
}

export function pathInput(params: GraphParams): PathInput {
  const input: PathInput = { from: params.from ?? "", count: params.k, byHops: params.byHops };
  if (params.to !== null) input.to = params.to;
  if (params.via.length > 0) input.via = params.via;
  if (params.notNodes.length > 0) input.excludeNodes = params.notNodes;
  if (params.notEdges.length > 0) input.excludeEdges = params.notEdges;
  if (params.notKinds.length > 0) input.excludeKinds = params.notKinds as NonNullable<PathInput["excludeKinds"]>;
  if (params.asOf !== null) input.asOf = params.asOf;
  return input;
}

export function graphInput(params: GraphParams, focus: readonly string[], limit = params.limit): GraphInput {
  const input: GraphInput = { focus: [...focus], depth: params.depth, limit };
  if (params.observed !== "both") input.observed = params.observed === "observed";
  if (params.asOf !== null) input.asOf = params.asOf;
  if (params.since !== null) input.since = params.since;
  if (params.until !== null) input.until = params.until;
  return input;
}

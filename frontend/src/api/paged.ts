/** A list that is read page by page: the first by `useQuery`, further ones on demand, all forgotten on a new filter. */
import type { AnyVariables, TypedDocumentNode } from "@urql/core";
import { useCallback, useEffect, useMemo, useState } from "react";
import { type CombinedError, useClient, useQuery } from "urql";

interface Connection<Node> {
  totalCount: number;
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
  nodes: Node[];
}

export interface Paged<Data, Node> {
  data: Data | undefined;
  nodes: Node[];
  total: number;
  error: CombinedError | undefined;
  fetching: boolean;
  hasMore: boolean;
  more: () => Promise<void>;
  again: () => void;
}

export function usePaged<Data, Variables extends AnyVariables, Node>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  connection: (data: Data) => Connection<Node>,
): Paged<Data, Node> {
  const client = useClient();
  const key = JSON.stringify(variables);
  const [result, execute] = useQuery({ query, variables } as Parameters<typeof useQuery<Data, Variables>>[0]);
  const [extra, setExtra] = useState<{ key: string; nodes: Node[]; cursor: string | null; done: boolean }>();
  const [failed, setFailed] = useState<CombinedError>();
  const first = result.data === undefined ? undefined : connection(result.data);
  const here = extra?.key === key ? extra : undefined;
  const cursor = here?.cursor ?? first?.pageInfo.endCursor ?? null;
  const hasMore = here === undefined ? (first?.pageInfo.hasNextPage ?? false) : !here.done;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new question forgets the old failure
  useEffect(() => setFailed(undefined), [key]);

  const more = useCallback(async () => {
    const answer = await client
      .query(query, { ...(variables as object), after: cursor } as unknown as Variables)
      .toPromise();
    if (answer.error !== undefined) setFailed(answer.error);
    if (answer.data === undefined) return;
    const page = connection(answer.data);
    setExtra((before) => ({
      key,
      nodes: [...(before?.key === key ? before.nodes : []), ...page.nodes],
      cursor: page.pageInfo.endCursor ?? null,
      done: !page.pageInfo.hasNextPage,
    }));
  }, [client, query, variables, cursor, connection, key]);

  const again = useCallback(() => {
    setExtra(undefined);
    execute({ requestPolicy: "network-only" });
  }, [execute]);

  const nodes = useMemo(() => [...(first?.nodes ?? []), ...(here?.nodes ?? [])], [first, here]);
  return {
    data: result.data,
    nodes,
    total: first?.totalCount ?? 0,
    error: result.error ?? failed,
    fetching: result.fetching,
    hasMore,
    more,
    again,
  };
}

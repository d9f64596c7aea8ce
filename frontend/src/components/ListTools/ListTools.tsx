/** Every view hands out its own query, and every list its rows: "how do I get this by API?" is one click. */
import { Button, Menu } from "@mantine/core";
import { stringifyDocument, type TypedDocumentNode } from "@urql/core";
import { useState } from "react";
import { csv, plural } from "../../state/format";
import { useGo } from "../../state/url";
import { copyText, saveText } from "../Copyable/copy";

export interface Sheet {
  name: string;
  header: readonly string[];
  rows: () => readonly (readonly (string | number | null | undefined)[])[];
}

interface Props {
  // biome-ignore lint/suspicious/noExplicitAny: any document of any view
  query: TypedDocumentNode<any, any>;
  variables?: Record<string, unknown>;
  sheet?: Sheet | undefined;
  /** The path that shows the same as a graph, where there is one. */
  graph?: string | undefined;
}

/** The query as one would send it: the document, then its variables. */
// biome-ignore lint/suspicious/noExplicitAny: any document of any view
export function asGraphql(query: TypedDocumentNode<any, any>, variables: Record<string, unknown>): string {
  const text = stringifyDocument(query).trim();
  const used = Object.keys(variables).length === 0 ? "" : `\n\n# variables\n${JSON.stringify(variables, null, 2)}`;
  return `# POST ${window.location.origin}/graphql\n${text}${used}\n`;
}

// biome-ignore lint/suspicious/noExplicitAny: any document of any view
export function asCurl(query: TypedDocumentNode<any, any>, variables: Record<string, unknown>): string {
  const body = JSON.stringify({ query: stringifyDocument(query), variables }).replaceAll("'", "'\\''");
  return `curl -sS '${window.location.origin}/graphql' -H 'content-type: application/json' -H "authorization: Bearer $HOPWATCH_TOKEN" --data '${body}'`;
}

export function ListTools({ query, variables = {}, sheet, graph }: Props) {
  const [said, setSaid] = useState<string | null>(null);
  const go = useGo();
  const say = (text: string) => {
    setSaid(text);
    setTimeout(() => setSaid(null), 1500);
  };
  const copy = async (text: string, done: string) => say((await copyText(text)) ? done : "the browser refused to copy");
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" color="gray" c="var(--hw-text-2)">
          <span role="status">{said ?? "Open as …"}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {graph !== undefined && <Menu.Item onClick={() => go(graph)}>Graph</Menu.Item>}
        {sheet !== undefined && (
          <>
            <Menu.Item
              onClick={() => {
                const rows = sheet.rows();
                return copy(csv(sheet.header, rows), `${plural(rows.length, "row")} copied`);
              }}
            >
              Copy as CSV
            </Menu.Item>
            <Menu.Item onClick={() => saveText(`${sheet.name}.csv`, csv(sheet.header, sheet.rows()))}>
              Save as CSV
            </Menu.Item>
          </>
        )}
        <Menu.Item onClick={() => copy(asGraphql(query, variables), "GraphQL copied")}>Copy as GraphQL</Menu.Item>
        <Menu.Item onClick={() => copy(asCurl(query, variables), "curl copied")}>Copy as curl</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

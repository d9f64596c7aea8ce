/** The lists of an entity's page. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { useClient } from "urql";
import { InboundQuery, OutboundQuery } from "../../api/documents/entities";
import { type Column, DataTable } from "../../components/DataTable/DataTable";
import { EdgeArrow } from "../../components/EdgeSentence/EdgeSentence";
import { EntityLink } from "../../components/EntityLink/EntityLink";
import { eventColumns } from "../../components/EventColumns/eventColumns";
import { Go } from "../../components/Go/Go";
import { Empty } from "../../components/Loaded/Loaded";
import { Severity, State } from "../../components/Severity/Severity";
import { Ago, At } from "../../components/Time/Time";
import type { EdgeBriefFragment, EntityQuery } from "../../gql/graphql";
import { count } from "../../state/format";
import { useGo } from "../../state/url";

type Entity = NonNullable<EntityQuery["entity"]>;
type AlertRow = Entity["alerts"]["nodes"][number];

const ALERTS: Column<AlertRow>[] = [
  { key: "time", title: "Time", width: 180, cell: (row) => <At at={row.lastAt} /> },
  { key: "severity", title: "Severity", width: 96, cell: (row) => <Severity level={row.severity} /> },
  { key: "title", title: "Alert", width: 240, cell: (row) => row.title },
  { key: "story", title: "Story", cell: (row) => <span title={row.explanation}>{row.explanation}</span> },
  {
    key: "state",
    title: "State",
    width: 112,
    cell: (row) => <State state={row.state} classification={row.classification} />,
  },
];

export function Alerts({ alerts, all }: { alerts: Entity["alerts"]; all: string }) {
  const go = useGo();
  if (alerts.nodes.length === 0)
    return <Empty title="No alert names it">Alerts in which it acts, or is acted on, are listed here.</Empty>;
  return (
    <>
      <DataTable
        label="Alerts"
        columns={ALERTS}
        rows={alerts.nodes}
        id={(row) => row.id}
        onOpen={(row) => go(`/alerts/${row.id}`)}
        minWidth={800}
      />
      <All shown={alerts.nodes.length} total={alerts.totalCount} to={all} />
    </>
  );
}

export function Events({ events, all }: { events: Entity["events"]; all: string }) {
  if (events.nodes.length === 0)
    return (
      <Empty title="No event names it">
        Events come with captures and logs, and stay as long as retention keeps them.
      </Empty>
    );
  return (
    <>
      <DataTable
        label="Events"
        compact
        columns={eventColumns()}
        rows={events.nodes}
        id={(row) => row.id}
        minWidth={880}
      />
      <All shown={events.nodes.length} total={events.totalCount} to={all} />
    </>
  );
}

function All({ shown, total, to }: { shown: number; total: number; to: string }) {
  if (shown >= total) return null;
  return (
    <p style={{ margin: 0, padding: "8px 12px" }}>
      <Go className="link" to={to}>
        All {count(total)}
      </Go>
    </p>
  );
}

interface Side {
  id: string;
  side: "in" | "out";
  first: { totalCount: number; nodes: EdgeBriefFragment[] };
}

export function Edges({ id, side, first }: Side) {
  const client = useClient();
  const [extra, setExtra] = useState<{ nodes: EdgeBriefFragment[]; cursor: string | null }>({
    nodes: [],
    cursor: null,
  });
  const rows = [...first.nodes, ...extra.nodes];
  const more = async () => {
    const variables = {
      id,
      first: extra.cursor === null ? first.nodes.length + 100 : 100,
      ...(extra.cursor === null ? {} : { after: extra.cursor }),
    };
    const page =
      side === "in"
        ? (await client.query(InboundQuery, variables).toPromise()).data?.entity?.inbound
        : (await client.query(OutboundQuery, variables).toPromise()).data?.entity?.outbound;
    if (page === undefined) return;
    const known = new Set(rows.map((row) => row.id));
    setExtra({
      nodes: [...extra.nodes, ...page.nodes.filter((one) => !known.has(one.id))],
      cursor: page.pageInfo.endCursor ?? null,
    });
  };
  if (rows.length === 0)
    return (
      <Empty title={side === "in" ? "Nobody has rights over it" : "It has no rights"}>
        Rights come from directory snapshots, sessions and logons from traffic and logs.
      </Empty>
    );
  return (
    <>
      <DataTable
        label={side === "in" ? "Rights over it" : "Rights it has"}
        compact
        columns={columnsOf(side)}
        rows={rows}
        id={(row) => row.id}
        minWidth={760}
      />
      {rows.length < first.totalCount && (
        <div className="row" style={{ padding: "8px 12px" }}>
          <span className="quiet">
            {count(rows.length)} of {count(first.totalCount)}
          </span>
          <Button onClick={more}>Show more</Button>
        </div>
      )}
    </>
  );
}

function columnsOf(side: "in" | "out"): Column<EdgeBriefFragment>[] {
  return [
    { key: "kind", title: "What", width: 260, cell: (row) => <EdgeArrow edge={row} /> },
    {
      key: "other",
      title: side === "in" ? "From" : "To",
      cell: (row) => <EntityLink entity={side === "in" ? row.source : row.target} full />,
    },
    { key: "how", title: "How", width: 104, cell: (row) => (row.observed ? "observed" : "possible") },
    {
      key: "count",
      title: "Times",
      width: 72,
      align: "right",
      cell: (row) => (row.observed ? count(row.count) : <span className="quiet">–</span>),
    },
    { key: "first", title: "First seen", width: 120, align: "right", cell: (row) => <Ago at={row.firstSeenAt} /> },
    { key: "last", title: "Last seen", width: 120, align: "right", cell: (row) => <Ago at={row.lastSeenAt} /> },
  ];
}

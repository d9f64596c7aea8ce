/** Sources: what is read, what is silent, what was dropped and why, and where the server is blind. */
import { useEffect } from "react";
import { useQuery } from "urql";
import { HealthQuery } from "../../api/documents/posture";
import { type Column, DataTable } from "../../components/DataTable/DataTable";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Loaded } from "../../components/Loaded/Loaded";
import { PageHead } from "../../components/PageHead/PageHead";
import { Ago, At } from "../../components/Time/Time";
import type { HealthQuery as Data } from "../../gql/graphql";
import { baseName, count, plural } from "../../state/format";

type Source = Data["health"]["sources"][number];
type Gap = Data["health"]["coverageGaps"][number];

const SOURCES: Column<Source>[] = [
  { key: "name", title: "Source", width: "34%", cell: (row) => <span title={row.name}>{baseName(row.name)}</span> },
  { key: "kind", title: "Kind", width: 120, cell: (row) => row.kind },
  { key: "read", title: "Read", width: 108, align: "right", cell: (row) => count(row.read) },
  { key: "events", title: "Events", width: 96, align: "right", cell: (row) => count(row.events) },
  { key: "last", title: "Newest event", width: 120, align: "right", cell: (row) => <Ago at={row.lastEventAt} /> },
  {
    key: "state",
    title: "Dropped, failed",
    cell: (row) => <Drops source={row} />,
  },
];

const GAPS: Column<Gap>[] = [
  {
    key: "subject",
    title: "Where",
    width: "24%",
    cell: (row) => <span title={row.subject}>{baseName(row.subject)}</span>,
  },
  {
    key: "reason",
    title: "What is not seen",
    cell: (row) => <span title={row.reason}>{row.reason.replace(/^\/\S*\//, "")}</span>,
  },
  { key: "count", title: "Times", width: 96, align: "right", cell: (row) => count(row.count) },
];

export default function Health() {
  const [result, again] = useQuery({ query: HealthQuery });
  useEffect(() => {
    const timer = setInterval(() => again({ requestPolicy: "network-only" }), 15_000);
    return () => clearInterval(timer);
  }, [again]);
  const health = result.data?.health;
  const sheet = health && {
    name: "sources",
    header: ["name", "kind", "read", "events", "first_event_at", "last_event_at", "dropped", "error"],
    rows: () =>
      health.sources.map((one) => [
        one.name,
        one.kind,
        one.read,
        one.events,
        one.firstEventAt,
        one.lastEventAt,
        one.dropped.map((drop) => `${drop.reason}: ${drop.count}`).join("; "),
        one.error,
      ]),
  };
  return (
    <>
      <PageHead
        title="Sources"
        note={health && `version ${health.version}`}
        tools={<ListTools query={HealthQuery} sheet={sheet} />}
      />
      <Loaded result={result} retry={again} lines={8}>
        {(data) => <Body health={data.health} />}
      </Loaded>
    </>
  );
}

function Body({ health }: { health: Data["health"] }) {
  return (
    <div style={{ display: "flex", flexDirection: "column", gap: 12, padding: "4px 16px 24px" }}>
      <p className="second" style={{ margin: 0 }}>
        Up since <At at={health.startedAt} /> · newest event <Ago at={health.watermark} /> · {count(health.nodes)}{" "}
        nodes, {count(health.edges)} edges, {plural(health.events, "event")}
      </p>
      <section className="panel">
        <header>
          <h2>Sources</h2>
        </header>
        {health.sources.length === 0 ? (
          <Empty title="Nothing is listened to">
            Give the server a capture, a log or a directory snapshot: <code className="mono">hopwatch import PATH</code>
          </Empty>
        ) : (
          <DataTable label="Sources" columns={SOURCES} rows={health.sources} id={(row) => row.name} minWidth={860} />
        )}
      </section>
      <section className="panel">
        <header>
          <h2>Blind spots</h2>
          <span className="quiet">not an absence of risk: an absence of sight</span>
        </header>
        {health.coverageGaps.length === 0 ? (
          <Empty title="No blind spot is known">
            One is listed when a source, an audit policy or an attribute is missing, or traffic cannot be read.
          </Empty>
        ) : (
          <DataTable
            label="Blind spots"
            columns={GAPS}
            rows={health.coverageGaps}
            id={(row) => `${row.subject}|${row.reason}`}
            minWidth={640}
          />
        )}
      </section>
    </div>
  );
}

function Drops({ source }: { source: Source }) {
  if (source.error) {
    return (
      <span title={source.error} style={{ color: "var(--hw-high)" }}>
        {source.error}
      </span>
    );
  }
  const drops = source.dropped.filter((one) => one.count > 0);
  if (drops.length === 0) return <span className="quiet">nothing</span>;
  const text = drops.map((one) => `${count(one.count)} × ${one.reason}`).join("; ");
  return <span title={text}>{text}</span>;
}

/** Posture: what is wrong before anyone uses it: choke points first, then findings with what they expose. */
import { useState } from "react";
import { useQuery } from "urql";
import { PostureQuery } from "../../api/documents/posture";
import { type Column, DataTable } from "../../components/DataTable/DataTable";
import { EdgeSentence } from "../../components/EdgeSentence/EdgeSentence";
import { EntityLink } from "../../components/EntityLink/EntityLink";
import { Go } from "../../components/Go/Go";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Loaded } from "../../components/Loaded/Loaded";
import { PageHead } from "../../components/PageHead/PageHead";
import { Severity } from "../../components/Severity/Severity";
import { At } from "../../components/Time/Time";
import type { PostureQuery as Data } from "../../gql/graphql";
import { count, percent, plural } from "../../state/format";
import css from "./Posture.module.css";

type Choke = Data["chokePoints"][number];
type Finding = Data["findings"][number];

export default function Posture() {
  const [result, again] = useQuery({ query: PostureQuery });
  const note =
    result.data &&
    `exposure ${percent(result.data.overview.exposurePercent)}: ${count(result.data.overview.exposedPrincipals)} of ${count(result.data.overview.principals)} principals reach one of ${count(result.data.overview.tierZero)} Tier Zero objects`;
  const sheet = result.data && {
    name: "posture",
    header: ["finding", "severity", "title", "exposed", "remediation", "evidence", "seen_at"],
    rows: () =>
      (result.data?.findings ?? []).map((one) => [
        one.detection,
        one.severity,
        one.title,
        one.exposedCount,
        one.remediation,
        one.evidence.join("; "),
        one.seenAt,
      ]),
  };
  return (
    <>
      <PageHead title="Posture" note={note} tools={<ListTools query={PostureQuery} sheet={sheet} />} />
      <Loaded result={result} retry={again} lines={10}>
        {(data) => (
          <div className={css.page}>
            <Chokes points={data.chokePoints} />
            <Findings findings={data.findings} />
          </div>
        )}
      </Loaded>
    </>
  );
}

const CHOKE_COLUMNS: Column<Choke>[] = [
  { key: "edge", title: "Edge", width: "36%", cell: (row) => <EdgeSentence edge={row.edge} /> },
  {
    key: "cut",
    title: "Cuts off",
    width: 112,
    align: "right",
    cell: (row) => plural(row.principalsCutOff, "principal"),
  },
  {
    key: "gain",
    title: "Exposure",
    width: 96,
    align: "right",
    cell: (row) => `−${row.exposureRemovedPercent.toFixed(1)} pts`,
  },
  {
    key: "hops",
    title: "To Tier Zero",
    width: 104,
    align: "right",
    cell: (row) => <span title={`cost ${row.path.cost}`}>{plural(row.path.length, "hop")}</span>,
  },
  {
    key: "fix",
    title: "What removes it",
    cell: (row) => <span title={row.edge.remediation}>{row.edge.remediation}</span>,
  },
  {
    key: "graph",
    title: "",
    width: 84,
    cell: (row) => (
      <Go className="link" to={`/graph?from=${encodeURIComponent(row.edge.source.id)}&k=3`}>
        see path
      </Go>
    ),
  },
];

/** Shown at first: below them one removal gains little. */
const FIRST = 8;

function Chokes({ points }: { points: readonly Choke[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? points : points.slice(0, FIRST);
  return (
    <section className="panel">
      <header>
        <h2>Choke points</h2>
        <span className="quiet">one removal, most exposure gone</span>
      </header>
      {points.length === 0 ? (
        <Empty title="No choke point">Load a directory snapshot: they are computed from its rights and sessions.</Empty>
      ) : (
        <DataTable label="Choke points" columns={CHOKE_COLUMNS} rows={shown} id={(row) => row.edge.id} minWidth={900} />
      )}
      {points.length > FIRST && (
        <button type="button" className={css.more} aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Only the best" : `All ${points.length}`}
        </button>
      )}
    </section>
  );
}

function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <section className="panel">
      <header>
        <h2>Findings</h2>
        <span className="quiet">{plural(findings.length, "finding")}, judged daily</span>
      </header>
      {findings.length === 0 && (
        <Empty title="No finding">Either nothing is wrong or nothing was read: Sources lists what is missing.</Empty>
      )}
      {findings.map((finding) => (
        <Row key={finding.id} finding={finding} />
      ))}
    </section>
  );
}

function Row({ finding }: { finding: Finding }) {
  const [open, setOpen] = useState(false);
  const ids = finding.exposed.map((one) => encodeURIComponent(one.id)).join(",");
  return (
    <div className={css.finding}>
      <button type="button" className={css.head} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Severity level={finding.severity} />
        <span className="ellipsis">{finding.title}</span>
        <span className="num">{plural(finding.exposedCount, "object")}</span>
        <span className="quiet" aria-hidden="true">
          {open ? "▾" : "▸"}
        </span>
      </button>
      {open && (
        <div className={css.detail}>
          <div>
            <h2>What to do</h2>
            <p>{finding.remediation}</p>
            <h2>Rests on</h2>
            <ul className="plain-list">
              {finding.evidence.map((one) => (
                <li key={one} className="mono">
                  {one}
                </li>
              ))}
            </ul>
            <p className="quiet">
              seen <At at={finding.seenAt} /> ·{" "}
              <Go className="link" to={`/detections/${finding.detection}`}>
                manual
              </Go>
            </p>
          </div>
          <div>
            <h2>
              Exposed{" "}
              {ids !== "" && (
                <Go className="link" to={`/graph?focus=${ids}`}>
                  as graph
                </Go>
              )}
            </h2>
            <ul className={`plain-list ${css.exposed}`}>
              {finding.exposed.map((one) => (
                <li key={one.id} className="ellipsis">
                  <EntityLink entity={one} />
                </li>
              ))}
            </ul>
            {finding.exposedCount > finding.exposed.length && (
              <p className="quiet">and {plural(finding.exposedCount - finding.exposed.length, "more", "more")}</p>
            )}
          </div>
        </div>
      )}
    </div>
  );
}

/** The parts of an alert's page. */
import type { ReactNode } from "react";
import { type Column, DataTable } from "../../components/DataTable/DataTable";
import { entityPath, Where, Who } from "../../components/EntityLink/EntityLink";
import { Go } from "../../components/Go/Go";
import { Empty } from "../../components/Loaded/Loaded";
import { Severity } from "../../components/Severity/Severity";
import { Ago, At } from "../../components/Time/Time";
import type { AlertQuery } from "../../gql/graphql";
import { baseName, entityName, middle, signed } from "../../state/format";
import { absolute, spanOf, useZone } from "../../state/time";
import css from "./Alert.module.css";
import { markNames, type Name } from "./markNames";

type Alert = NonNullable<AlertQuery["alert"]>;

/** The story with the names in it as links to their pages. */
export function Story({ alert }: { alert: Alert }) {
  return (
    <p className={css.story}>
      {markNames(alert.explanation, namesOf(alert)).map((part) =>
        part.id === null ? (
          <span key={part.at}>{part.text}</span>
        ) : (
          <Go key={part.at} to={entityPath(part.id)} className={css.named}>
            {part.text}
          </Go>
        ),
      )}
    </p>
  );
}

function namesOf(alert: Alert): Name[] {
  const names: Name[] = [];
  const add = (text: string | null | undefined, id: string | undefined) => {
    if (text && id !== undefined) names.push({ text, id });
  };
  add(alert.actor?.name, alert.actor?.entity?.id);
  if (alert.actor?.entity) add(entityName(alert.actor.entity), alert.actor.entity.id);
  for (const host of [alert.source, alert.targetHost]) {
    add(host?.name, host?.entity?.id);
    add(host?.name?.split(".")[0], host?.entity?.id);
    add(host?.address, host?.entity?.id);
  }
  return names;
}

export function Facts({ alert }: { alert: Alert }) {
  return (
    <dl className={css.facts}>
      <Fact name="Who">
        <Who account={alert.actor} />
      </Fact>
      <Fact name="From">
        <Where host={alert.source} />
        {alert.source && (
          <span className="quiet">
            {" "}
            {alert.source.certainty}, by {alert.source.method}
          </span>
        )}
      </Fact>
      <Fact name="To">
        {alert.targetHost && <Where host={alert.targetHost} />}
        {alert.target && (
          <span className="second" title={alert.target}>
            {" "}
            {alert.target}
          </span>
        )}
        {!alert.targetHost && !alert.target && <span className="quiet">–</span>}
      </Fact>
      <Fact name="When">
        <At at={alert.firstAt} />
        {alert.firstAt !== alert.lastAt && <span className="quiet"> for {spanOf(alert.firstAt, alert.lastAt)}</span>}{" "}
        <span className="quiet">
          · <Ago at={alert.lastAt} />
        </span>
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function DoNow({ alert }: { alert: Alert }) {
  const actions = alert.actions.length > 0 ? alert.actions : alert.manual.whatToDo;
  const cut = alert.path?.hops.find((hop) => !/^none/.test(hop.remediation));
  return (
    <section className="panel">
      <header>
        <h2>Do now</h2>
        {alert.assignee && <span className="quiet">taken by {alert.assignee}</span>}
      </header>
      <ol className={css.actions}>
        {actions.map((action) => (
          <li key={action}>{action}</li>
        ))}
        {cut !== undefined && (
          <li>
            cut the path at <strong>{cut.kind}</strong>: {cut.remediation}{" "}
            <Go
              className="link"
              to={`/graph?from=${encodeURIComponent(alert.path?.hops[0]?.source.id ?? cut.source.id)}&notEdge=${encodeURIComponent(cut.id)}`}
            >
              see what is left
            </Go>
          </li>
        )}
      </ol>
      {alert.comment && <p className={css.comment}>{alert.comment}</p>}
    </section>
  );
}

export function Why({ alert }: { alert: Alert }) {
  const most = Math.max(1, ...alert.reasons.map((one) => Math.abs(one.contribution)));
  const sorted = [...alert.reasons].sort((a, b) => b.contribution - a.contribution);
  return (
    <section className="panel">
      <header>
        <h2>Why</h2>
        <div className="grow" />
        <span title="0–100: how sure, given all reasons">
          score <strong>{alert.score.toFixed(0)}</strong>
        </span>
      </header>
      {sorted.length === 0 && <Empty title="No reason is listed">The manual says how this detection decides.</Empty>}
      <ul className={`plain-list ${css.reasons}`}>
        {sorted.map((reason) => (
          <li key={reason.name} title={reason.name}>
            <span>{reason.text}</span>
            <span className="num">{signed(reason.contribution, 0)}</span>
            <span className={css.weight}>
              <i
                className={reason.contribution < 0 ? css.against : undefined}
                style={{ width: `${(Math.abs(reason.contribution) / most) * 100}%` }}
              />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Related({ related }: { related: Alert["related"] }) {
  const [zone] = useZone();
  if (related.length === 0) return null;
  const inOrder = [...related].sort((a, b) => a.lastAt.localeCompare(b.lastAt));
  return (
    <section className="panel">
      <header>
        <h2>Same actor or hosts</h2>
      </header>
      {inOrder.map((one) => (
        <Go key={one.id} to={`/alerts/${one.id}`} className={css.related}>
          <Severity level={one.severity} bare />
          <span className="ellipsis" title={one.explanation}>
            {one.title}
          </span>
          <time className="mono quiet" dateTime={one.lastAt} title={absolute(one.lastAt, zone, "ms")}>
            {absolute(one.lastAt, zone, "min").slice(5, 16)}
          </time>
        </Go>
      ))}
    </section>
  );
}

type Evidence = Alert["evidence"][number];

const COLUMNS: Column<Evidence>[] = [
  { key: "time", title: "Time", width: 196, cell: (row) => <At at={row.time} precision="ms" /> },
  {
    key: "source",
    title: "Source",
    width: 208,
    cell: (row) => (
      <span className="mono" title={row.source}>
        {middle(baseName(row.source), 26)}
      </span>
    ),
  },
  { key: "record", title: "Record", width: 88, cell: (row) => <span className="mono">{row.record}</span> },
  {
    key: "event",
    title: "Kind",
    width: 72,
    cell: (row) => row.eventId ?? <span className="quiet">{row.sourceKind}</span>,
  },
  { key: "note", title: "What it shows", cell: (row) => <span title={row.note}>{row.note}</span> },
];

export function EvidenceTable({ evidence }: { evidence: readonly Evidence[] }) {
  return (
    <DataTable
      label="Evidence"
      compact
      columns={COLUMNS}
      rows={evidence}
      id={(row) => `${row.source}|${row.record}|${row.time}|${row.note}`}
      minWidth={720}
    />
  );
}

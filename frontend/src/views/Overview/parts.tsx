/** The panels of the overview; each row opens the page behind it. */
import { EdgeSentence } from "../../components/EdgeSentence/EdgeSentence";
import { EntityLink } from "../../components/EntityLink/EntityLink";
import { Go } from "../../components/Go/Go";
import { Empty } from "../../components/Loaded/Loaded";
import { Severity } from "../../components/Severity/Severity";
import { Ago } from "../../components/Time/Time";
import type { AlertRowFragment, OverviewQuery as Data } from "../../gql/graphql";
import { plural } from "../../state/format";
import { spanOf } from "../../state/time";
import css from "./Overview.module.css";

export function Incidents({ alerts, total }: { alerts: readonly AlertRowFragment[]; total: number }) {
  const [lead, ...rest] = [...alerts].sort((a, b) => RANK(b) - RANK(a) || b.lastAt.localeCompare(a.lastAt));
  return (
    <section className="panel" aria-label="Open alerts">
      <header>
        <h2>What happened</h2>
        <div className="grow" />
        {total > alerts.length && (
          <Go to="/alerts" className="link">
            all {total}
          </Go>
        )}
      </header>
      {lead === undefined ? (
        <Empty title="Nothing is open">
          New alerts appear here by themselves. The page Sources shows whether anything is listened to.
        </Empty>
      ) : (
        <Go to={`/alerts/${lead.id}`} className={css.lead}>
          <Severity level={lead.severity} />
          <span className={css.story}>
            <strong>{lead.title}</strong>
            <br />
            {lead.explanation}
          </span>
          <span className="quiet">
            <Ago at={lead.lastAt} />
            {lead.firstAt !== lead.lastAt && <> · lasted {spanOf(lead.firstAt, lead.lastAt)}</>}
          </span>
        </Go>
      )}
      {rest.map((alert) => (
        <Go key={alert.id} to={`/alerts/${alert.id}`} className={css.small}>
          <Severity level={alert.severity} />
          <span className="ellipsis">
            <strong>{alert.title}</strong> <span className="second">{alert.explanation}</span>
          </span>
          <span className="quiet">
            <Ago at={alert.lastAt} />
          </span>
        </Go>
      ))}
    </section>
  );
}

const ORDER = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH"];
const RANK = (alert: AlertRowFragment): number => ORDER.indexOf(alert.severity) * 1000 + alert.score;

type Overview = Data["overview"];

export function FixFirst({ points }: { points: Overview["fixFirst"] }) {
  const most = Math.max(0.1, ...points.map((one) => one.exposureRemovedPercent));
  return (
    <section className="panel">
      <header>
        <h2>Fix first</h2>
        <div className="grow" />
        <span className="quiet">exposure removed</span>
      </header>
      {points.length === 0 && (
        <Empty title="No choke point">
          Load a directory snapshot: choke points are computed from its rights and sessions.
        </Empty>
      )}
      {points.map((point, at) => (
        <div key={point.edge.id} className={`${css.line} ${css.fix}`}>
          <span className="quiet">{at + 1}</span>
          <EdgeSentence edge={point.edge} />
          <div
            className={css.gain}
            style={{ width: `${(point.exposureRemovedPercent / most) * 100}%` }}
            title={point.edge.remediation}
          />
          <span className="num">−{point.exposureRemovedPercent.toFixed(1)} pts</span>
          <Go to={`/graph?from=${encodeURIComponent(point.edge.source.id)}&k=3`} className="link">
            path
          </Go>
        </div>
      ))}
    </section>
  );
}

export function Oddest({ scores }: { scores: Overview["oddest"] }) {
  return (
    <section className="panel">
      <header>
        <h2>Who is odd</h2>
      </header>
      {scores.length === 0 && (
        <Empty title="Nobody stands out">Scores appear once behaviour profiles have learned: see Learning.</Empty>
      )}
      {scores.map(({ entity, score, parts }) => (
        <div key={entity.id} className={`${css.line} ${css.odd}`}>
          <EntityLink entity={entity} />
          <span className="num">{score.toFixed(0)}</span>
          <span className="second ellipsis" title={parts.map((one) => one.text).join("\n")}>
            {parts[0]?.text}
          </span>
        </div>
      ))}
    </section>
  );
}

export function Learning({ learning }: { learning: Overview["learning"] }) {
  const ready = learning.filter((one) => one.ready).length;
  return (
    <section className="panel">
      <header>
        <h2>Learning</h2>
        <span className="quiet">
          {ready} of {plural(learning.length, "profile")} ready
        </span>
      </header>
      {learning.length === 0 && <Empty title="Nothing to learn yet">Profiles start with the first event.</Empty>}
      {[...learning]
        .sort((a, b) => a.progressPercent - b.progressPercent)
        .slice(0, 6)
        .map((one) => (
          <div key={one.detection} className={`${css.line} ${css.learn}`}>
            <Go to={`/detections/${one.detection}`} className="ellipsis link">
              {one.detection}
            </Go>
            <span className={css.track} title={`${one.progressPercent.toFixed(0)} %`}>
              <i style={{ width: `${one.progressPercent}%` }} />
            </span>
            <span className="second ellipsis" title={one.detail}>
              {one.detail}
            </span>
          </div>
        ))}
    </section>
  );
}

export function Blind({ health }: { health: Data["health"] }) {
  return (
    <section className="panel">
      <header>
        <h2>Sources</h2>
        <div className="grow" />
        <Go to="/health" className="link">
          {plural(health.coverageGaps.length, "blind spot")}
        </Go>
      </header>
      {health.sources.length === 0 && (
        <Empty title="Nothing is listened to">
          Give the server a capture, a log or a directory snapshot: <code className="mono">hopwatch import PATH</code>
        </Empty>
      )}
      {health.sources.map((source) => (
        <div key={source.name} className={`${css.line} ${css.source}`}>
          <i className={`${css.pip} ${source.error || !source.lastEventAt ? css.mute : ""}`} aria-hidden="true" />
          <span className="ellipsis" title={source.error ?? source.kind}>
            {source.name} <span className="second">{source.error ?? ""}</span>
          </span>
          <span className="quiet">
            <Ago at={source.lastEventAt} />
          </span>
        </div>
      ))}
    </section>
  );
}

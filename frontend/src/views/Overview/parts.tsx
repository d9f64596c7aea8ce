/** The panels of the overview; each row opens the page behind it. */
import { EdgeSentence } from "../../components/EdgeSentence/EdgeSentence";
import { EntityLink } from "../../components/EntityLink/EntityLink";
import { Go } from "../../components/Go/Go";
import { Empty } from "../../components/Loaded/Loaded";
import { Ago } from "../../components/Time/Time";
import type { OverviewQuery as Data } from "../../gql/graphql";
import { plural } from "../../state/format";
import css from "./Overview.module.css";
import { groupSources } from "./sources";

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

/** Who behaves oddly; while nothing has learned yet, who would be worst in wrong hands. */
export function Oddest({ scores, risky }: { scores: Overview["oddest"]; risky: Data["entities"]["nodes"] }) {
  if (scores.length === 0) return <Risky risky={risky} />;
  return (
    <section className="panel">
      <header>
        <h2>Who is odd</h2>
      </header>
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

function Risky({ risky }: { risky: Data["entities"]["nodes"] }) {
  return (
    <section className="panel">
      <header>
        <h2>Who is at risk</h2>
        <div className="grow" />
        <Go to="/entities" className="link">
          all
        </Go>
      </header>
      {risky.length === 0 && <Empty title="Nobody is known">Load a directory snapshot or a capture.</Empty>}
      {risky.map((entity) => (
        <div key={entity.id} className={`${css.line} ${css.odd}`}>
          <EntityLink entity={entity} />
          <span className="num" title="Risk, 0–100">
            {entity.risk.score.toFixed(0)}
          </span>
          <span className="second ellipsis">{standing(entity)}</span>
        </div>
      ))}
    </section>
  );
}

function standing(entity: Data["entities"]["nodes"][number]): string {
  const hops = entity.distanceToTierZero;
  const distance = entity.tierZero ? "Tier Zero" : hops == null ? "no path up" : `${plural(hops, "hop")} to Tier Zero`;
  return entity.openAlerts > 0 ? `${plural(entity.openAlerts, "open alert")} · ${distance}` : distance;
}

export function Learning({ learning }: { learning: Overview["learning"] }) {
  if (learning.length === 0) return null;
  const waiting = learning.filter((one) => !one.ready).sort((a, b) => a.progressPercent - b.progressPercent);
  return (
    <section className="panel">
      <header>
        <h2>Learning</h2>
        <span className="quiet">
          {waiting.length === 0
            ? `all ${plural(learning.length, "profile")} ready`
            : `${learning.length - waiting.length} of ${plural(learning.length, "profile")} ready`}
        </span>
      </header>
      {waiting.slice(0, 6).map((one) => (
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
      {groupSources(health.sources).map((group) => (
        <div key={group.name} className={`${css.line} ${css.source}`}>
          <i className={`${css.pip} ${group.failed ? css.mute : ""}`} aria-hidden="true" />
          <span className="ellipsis" title={group.title}>
            {group.name} <span className="second">{group.note}</span>
          </span>
          <span className="quiet">{group.newest && <Ago at={group.newest} />}</span>
        </div>
      ))}
    </section>
  );
}

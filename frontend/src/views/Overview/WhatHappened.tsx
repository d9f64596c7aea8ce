/** What happened: the gravest incident as a story in steps, the others in a line each. */
import { Go } from "../../components/Go/Go";
import { Empty } from "../../components/Loaded/Loaded";
import { Severity } from "../../components/Severity/Severity";
import { Ago } from "../../components/Time/Time";
import type { AlertRowFragment } from "../../gql/graphql";
import { plural } from "../../state/format";
import { absolute, clock, spanOf, useZone } from "../../state/time";
import { gravest, type Incident, incidents, type Step } from "./incidents";
import css from "./Overview.module.css";

/** Steps that are told here; the list of alerts has the rest. */
const STEPS = 12;
/** Incidents beside the gravest. */
const OTHERS = 4;

export function WhatHappened({ alerts, total }: { alerts: readonly AlertRowFragment[]; total: number }) {
  const [lead, ...rest] = incidents(alerts);
  return (
    <section className="panel" aria-label="Open alerts">
      <header>
        <h2>What happened</h2>
        {lead !== undefined && (
          <span className="quiet">
            {plural(total, "open alert")} in {plural(rest.length + 1, "incident")}
          </span>
        )}
        <div className="grow" />
        {total > 0 && (
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
        <Lead incident={lead} />
      )}
      {rest.slice(0, OTHERS).map((one) => (
        <Go key={one.worst.id} to={`/alerts/${one.worst.id}`} className={css.small}>
          <Severity level={one.worst.severity} />
          <span className="ellipsis">
            <strong>{one.worst.title}</strong> <span className="second">{one.worst.explanation}</span>
          </span>
          <span className="quiet">
            <Ago at={one.to} />
          </span>
        </Go>
      ))}
    </section>
  );
}

function Lead({ incident }: { incident: Incident }) {
  const { worst, steps } = incident;
  const shown = gravest(steps, STEPS);
  return (
    <>
      <Go to={`/alerts/${worst.id}`} className={css.lead}>
        <Severity level={worst.severity} />
        <span className={css.story}>
          <strong>{worst.explanation}</strong>
          {incident.size > 1 && (
            <>
              <br />
              <span className="second">{chain(incident)}</span>
            </>
          )}
        </span>
        <span className="quiet">
          <Ago at={incident.to} />
        </span>
      </Go>
      {incident.size > 1 && (
        <ol className={css.steps} aria-label="Steps of the incident">
          {shown.map((step) => (
            <StepRow key={step.told.id} step={step} worst={step.alerts.includes(worst)} />
          ))}
          {steps.length > shown.length && (
            <li>
              <Go to="/alerts" className={`${css.step} quiet`}>
                <span />
                <span />
                {plural(steps.length - shown.length, "step more", "steps more")}
              </Go>
            </li>
          )}
        </ol>
      )}
    </>
  );
}

function StepRow({ step, worst }: { step: Step; worst: boolean }) {
  const [zone] = useZone();
  const { told } = step;
  const at = step.alerts[0]?.firstAt ?? told.firstAt;
  return (
    <li className={worst ? css.worst : undefined}>
      <Go to={`/alerts/${told.id}`} className={css.step}>
        <time className="mono" dateTime={at} title={absolute(at, zone, "ms")}>
          {clock(at, zone).slice(0, 5)}
        </time>
        <Severity level={told.severity} bare />
        <span className="ellipsis">
          <strong>{told.title}</strong> <span className="second">{told.explanation}</span>
        </span>
        <span className="quiet">{step.alerts.length > 1 ? plural(step.alerts.length, "alert") : ""}</span>
      </Go>
    </li>
  );
}

/** `intern.ian, adm.bruno and svc_sync from WS1: 6 steps in 4 h`. */
function chain({ actors, hosts, steps, from, to }: Incident): string {
  const who = listed(actors);
  const where = hosts.length === 0 ? "" : `from ${listed(hosts)}`;
  const subject = [who, where].filter((one) => one !== "").join(" ");
  return `${subject === "" ? "" : `${subject}: `}${plural(steps.length, "step")} in ${spanOf(from, to)}`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 4);
  if (names.length > shown.length) return `${shown.join(", ")} and ${names.length - shown.length} more`;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

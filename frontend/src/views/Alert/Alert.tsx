/** One alert: what happened, is it real, how far from the crown jewels, what to do now. */
import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { AlertQuery } from "../../api/documents/alerts";
import { useLive } from "../../api/live";
import { copyText } from "../../components/Copyable/copy";
import { Go } from "../../components/Go/Go";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Loaded } from "../../components/Loaded/Loaded";
import { Severity, State } from "../../components/Severity/Severity";
import { At } from "../../components/Time/Time";
import { Triage } from "../../components/Triage/Triage";
import type { AlertQuery as Data } from "../../gql/graphql";
import { LayeredMap } from "../../graph/LayeredMap/LayeredMap";
import { plural } from "../../state/format";
import { useGo } from "../../state/url";
import css from "./Alert.module.css";
import { DoNow, EvidenceTable, Facts, Related, Story, Why } from "./parts";
import { Strip } from "./Strip";

type Alert = NonNullable<Data["alert"]>;

export default function AlertView({ id }: { id: string }) {
  const [result, again] = useQuery({ query: AlertQuery, variables: { id } });
  const { changed } = useLive();
  const stamp = changed.get(id)?.updatedAt;
  useEffect(() => {
    if (stamp !== undefined) again({ requestPolicy: "network-only" });
  }, [stamp, again]);
  return (
    <Loaded result={result} retry={again} lines={14}>
      {(data) =>
        data.alert == null ? (
          <Empty title="There is no such alert">
            It may have been removed by retention. The list has those that are kept.
          </Empty>
        ) : (
          <Page alert={data.alert} again={again} />
        )
      }
    </Loaded>
  );
}

/** Where the graph's path starts: the path's own start, else the actor, else the source host. */
function startOf(alert: Alert): string | null {
  return alert.path?.hops[0]?.source.id ?? alert.actor?.entity?.id ?? alert.source?.entity?.id ?? null;
}

function Page({ alert, again }: { alert: Alert; again: () => void }) {
  const [triaging, setTriaging] = useState(false);
  const [shared, setShared] = useState(false);
  const go = useGo();
  const start = startOf(alert);
  const graph = start === null ? null : `/graph?from=${encodeURIComponent(start)}`;
  useKeys({ t: () => setTriaging(true), g: () => graph !== null && go(graph) }, !triaging);
  const share = async () => {
    setShared(await copyText(window.location.href));
    setTimeout(() => setShared(false), 1500);
  };
  const starts = [alert.source?.entity?.id, alert.actor?.entity?.id].filter((one): one is string => one !== undefined);
  return (
    <article className={css.page}>
      <header className={css.head}>
        <div className={css.title}>
          <h1>{alert.title}</h1>
          <Severity level={alert.severity} />
          <State state={alert.state} classification={alert.classification} />
          <span className="mono second">{alert.techniques.join(" ")}</span>
        </div>
        <div className={css.buttons}>
          {graph !== null && (
            <Button variant="filled" onClick={() => go(graph)} data-testid="path-to-tier-zero">
              Path to Tier Zero in graph <kbd>g</kbd>
            </Button>
          )}
          <Button onClick={() => setTriaging(true)}>
            Triage <kbd>t</kbd>
          </Button>
          <Button onClick={share}>{shared ? "Link copied" : "Share"}</Button>
          <ListTools query={AlertQuery} variables={{ id: alert.id }} sheet={evidenceSheet(alert)} />
        </div>
      </header>
      <div className={css.columns}>
        <div className={css.main}>
          <section className="panel">
            <Story alert={alert} />
            <Facts alert={alert} />
          </section>
          <section className="panel">
            <header>
              <h2>Map</h2>
              <span className="quiet">
                {alert.path == null
                  ? "no path to Tier Zero is known from here"
                  : `${plural(alert.path.length, "hop")} to Tier Zero, cost ${alert.path.cost}`}{" "}
                · solid observed, dashed possible
              </span>
            </header>
            {alert.map.nodes.length === 0 ? (
              <Empty title="Nothing to draw">
                No one in this alert is known to the directory. A directory snapshot would fill the map.
              </Empty>
            ) : (
              <LayeredMap map={alert.map} path={alert.path?.hops.map((hop) => hop.id) ?? []} starts={starts} />
            )}
          </section>
          <section className="panel">
            <header>
              <h2>Timeline</h2>
              <span className="quiet">events of those who took part</span>
            </header>
            <Strip events={alert.timeline} firstAt={alert.firstAt} lastAt={alert.lastAt} />
          </section>
          <section className="panel">
            <header>
              <h2>Evidence</h2>
              <span className="quiet">
                {plural(alert.evidence.length, "record")} of {plural(alert.eventCount, "event")}
              </span>
            </header>
            <EvidenceTable evidence={alert.evidence} />
          </section>
        </div>
        <aside className={css.side}>
          <DoNow alert={alert} />
          <Why alert={alert} />
          <Related related={alert.related} />
          <p className="quiet" style={{ margin: 0 }}>
            <Go className="link" to={`/detections/${alert.manual.slug}`}>
              How {alert.detection} decides
            </Go>
            {alert.externalId != null && <> · external id {alert.externalId}</>} · changed <At at={alert.updatedAt} />
          </p>
        </aside>
      </div>
      {triaging && <Triage alert={alert} onClose={() => setTriaging(false)} onDone={again} />}
    </article>
  );
}

function evidenceSheet(alert: Alert) {
  return {
    name: `evidence-${alert.id}`,
    header: ["time", "source", "record", "kind", "event_id", "note"],
    rows: () => alert.evidence.map((one) => [one.time, one.source, one.record, one.sourceKind, one.eventId, one.note]),
  };
}

function useKeys(keys: Record<string, () => void>, on: boolean): void {
  useEffect(() => {
    if (!on) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest("input,textarea,select,[role=dialog]")) return;
      const action = keys[event.key];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
}

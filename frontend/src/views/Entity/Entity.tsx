/** One entity: who it is, how risky and why, when it is active against its peers, ways in and out, what it did. */
import { Button, Tabs } from "@mantine/core";
import { useMutation, useQuery } from "urql";
import { EntityQuery } from "../../api/documents/entities";
import { TagMutation } from "../../api/documents/graph";
import { Heat } from "../../components/Charts/Heat";
import { KindMark } from "../../components/Glyph/Glyph";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Loaded } from "../../components/Loaded/Loaded";
import type { EntityQuery as Data } from "../../gql/graphql";
import { count, entityName } from "../../state/format";
import { useGo, useParam } from "../../state/url";
import css from "./Entity.module.css";
import { Facts } from "./Facts";
import { PathsOut } from "./PathsOut";
import { RiskParts } from "./RiskParts";
import { Alerts, Edges, Events } from "./tabs";

export type Entity = NonNullable<Data["entity"]>;

export default function EntityView({ id }: { id: string }) {
  const [result, again] = useQuery({ query: EntityQuery, variables: { id } });
  return (
    <Loaded result={result} retry={again} lines={14}>
      {(data) =>
        data.entity == null ? (
          <Empty title="No object has this id">
            Ids are SIDs and upper-case GUIDs. The search finds objects by name.
          </Empty>
        ) : (
          <Page entity={data.entity} />
        )
      }
    </Loaded>
  );
}

function Page({ entity }: { entity: Entity }) {
  return (
    <article className={css.page}>
      <Head entity={entity} />
      <div className={css.columns}>
        <div className={css.stack}>
          <section className="panel">
            <header>
              <h2>Risk</h2>
              <span className="quiet">likelihood × impact</span>
              <div className="grow" />
              <span title="0–100: likelihood × impact">
                score <strong>{entity.risk.score.toFixed(0)}</strong>
              </span>
            </header>
            <div className="body">
              {entity.risk.parts.length === 0 ? (
                <Empty title="Nothing raises its risk">
                  Parts appear with alerts, odd behaviour and paths to Tier Zero.
                </Empty>
              ) : (
                <RiskParts risk={entity.risk} />
              )}
            </div>
          </section>
          <section className="panel">
            <header>
              <h2>When it is active</h2>
            </header>
            <div className="body">
              {entity.activity.own.flat().some((value) => value > 0) ? (
                <Heat {...entity.activity} />
              ) : (
                <Empty title="No logon seen">The heat map fills with logons from traffic and logs.</Empty>
              )}
            </div>
          </section>
        </div>
        <div className={css.stack}>
          <section className="panel">
            <header>
              <h2>Who it is</h2>
            </header>
            <Facts entity={entity} />
          </section>
          <PathsOut id={entity.id} tierZero={entity.tierZero} exposure={entity.exposurePercent} />
        </div>
      </div>
      <Lists entity={entity} />
    </article>
  );
}

function Head({ entity }: { entity: Entity }) {
  const go = useGo();
  const [, tag] = useMutation(TagMutation);
  const id = encodeURIComponent(entity.id);
  return (
    <header className={css.head}>
      <KindMark kind={entity.kind} size={36} tierZero={entity.tierZero} owned={entity.owned} />
      <div className="grow">
        <h1 className="ellipsis" title={entity.name}>
          {entityName(entity)}
        </h1>
        <span className="second">
          {entity.kind}
          {entity.domain ? ` of ${entity.domain}` : ""}
          {entity.tierZero ? ` · Tier Zero: ${entity.tierZeroReason ?? ""}` : ""}
          {entity.owned ? " · owned" : ""}
          {entity.sensitive ? " · sensitive" : ""}
          {entity.enabled === false ? " · disabled" : ""}
        </span>
      </div>
      <div className={css.buttons}>
        {!entity.tierZero && (
          <Button variant="filled" onClick={() => go(`/graph?from=${id}`)}>
            Path to Tier Zero
          </Button>
        )}
        <Button onClick={() => go(`/graph?focus=${id}`)}>Graph around it</Button>
        <Button onClick={() => tag({ id: entity.id, owned: !entity.owned })} aria-pressed={entity.owned}>
          {entity.owned ? "Not owned" : "Mark as owned"}
        </Button>
        <Button onClick={() => tag({ id: entity.id, sensitive: !entity.sensitive })} aria-pressed={entity.sensitive}>
          {entity.sensitive ? "Not sensitive" : "Mark as sensitive"}
        </Button>
        <ListTools query={EntityQuery} variables={{ id: entity.id }} />
      </div>
    </header>
  );
}

function Lists({ entity }: { entity: Entity }) {
  const [tab, setTab] = useParam("tab", "alerts");
  const id = encodeURIComponent(entity.id);
  const label = (name: string, total: number) => (
    <>
      {name} <span className="quiet">{count(total)}</span>
    </>
  );
  return (
    <section className="panel">
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="alerts">{label("Alerts", entity.alerts.totalCount)}</Tabs.Tab>
          <Tabs.Tab value="events">{label("Logons and events", entity.events.totalCount)}</Tabs.Tab>
          <Tabs.Tab value="out">{label("Rights it has", entity.outbound.totalCount)}</Tabs.Tab>
          <Tabs.Tab value="in">{label("Rights over it", entity.inbound.totalCount)}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="alerts">
          <Alerts alerts={entity.alerts} all={`/alerts?entity=${id}&state=all`} />
        </Tabs.Panel>
        <Tabs.Panel value="events">
          <Events events={entity.events} all={`/hunt?entity=${id}`} />
        </Tabs.Panel>
        <Tabs.Panel value="out">
          <Edges id={entity.id} side="out" first={entity.outbound} />
        </Tabs.Panel>
        <Tabs.Panel value="in">
          <Edges id={entity.id} side="in" first={entity.inbound} />
        </Tabs.Panel>
      </Tabs>
    </section>
  );
}

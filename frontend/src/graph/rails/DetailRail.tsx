/** The right rail: the selected node or edge, and what can be done from it. */
import { Button } from "@mantine/core";
import { useMutation, useQuery } from "urql";
import { EdgeDetailQuery, NodeDetailQuery, TagMutation } from "../../api/documents/graph";
import { Copyable } from "../../components/Copyable/Copyable";
import { EdgeArrow, EdgeSentence } from "../../components/EdgeSentence/EdgeSentence";
import { EntityLink, entityPath } from "../../components/EntityLink/EntityLink";
import { Go } from "../../components/Go/Go";
import { Empty, Loaded } from "../../components/Loaded/Loaded";
import { Severity } from "../../components/Severity/Severity";
import { Ago, At } from "../../components/Time/Time";
import type { EdgeDetailQuery as EdgeData, NodeDetailQuery as NodeData } from "../../gql/graphql";
import { baseName, count, entityName, percent, plural } from "../../state/format";
import type { SceneEdge } from "../model/scene";
import css from "./rails.module.css";

export interface NodeActions {
  expand: () => void;
  pathFrom: () => void;
  toTierZero: () => void;
  exclude: () => void;
}

export function NodeRail({
  id,
  asOf,
  hidden,
  actions,
}: {
  id: string;
  asOf: string | null;
  hidden: number;
  actions: NodeActions;
}) {
  const [result, again] = useQuery({ query: NodeDetailQuery, variables: asOf === null ? { id } : { id, asOf } });
  return (
    <Loaded result={result} retry={again}>
      {(data) =>
        data.entity == null ? (
          <Empty title="Not there at this time">Move the handle under the canvas to a later moment.</Empty>
        ) : (
          <Node entity={data.entity} hidden={hidden} actions={actions} />
        )
      }
    </Loaded>
  );
}

function Node({
  entity,
  hidden,
  actions,
}: {
  entity: NonNullable<NodeData["entity"]>;
  hidden: number;
  actions: NodeActions;
}) {
  const [, tag] = useMutation(TagMutation);
  return (
    <div className={css.detail} data-testid="node-detail">
      <div className={css.name}>
        <EntityLink entity={entity} full />
      </div>
      <div className={css.actions}>
        <Button onClick={actions.expand}>
          Neighbours{hidden > 0 ? ` +${hidden}` : ""} <kbd>e</kbd>
        </Button>
        <Button onClick={actions.toTierZero}>
          To Tier Zero <kbd>0</kbd>
        </Button>
        <Button onClick={actions.pathFrom}>
          Path from <kbd>p</kbd>
        </Button>
        <Button onClick={actions.exclude}>
          Exclude <kbd>x</kbd>
        </Button>
      </div>
      <dl className={css.facts}>
        <dt>Tier Zero</dt>
        <dd>
          {entity.tierZero
            ? (entity.tierZeroReason ?? "yes")
            : entity.distanceToTierZero == null
              ? "no path"
              : plural(entity.distanceToTierZero, "hop")}
        </dd>
        <dt>Exposure</dt>
        <dd>{percent(entity.exposurePercent)} of principals reach it</dd>
        <dt>Impact</dt>
        <dd>reaches {plural(entity.impact, "object")}</dd>
        <dt>Risk</dt>
        <dd>{entity.risk.score.toFixed(0)} of 100</dd>
        <dt>Last seen</dt>
        <dd>
          <Ago at={entity.lastSeenAt} />
        </dd>
        <dt>Id</dt>
        <dd>
          <Copyable text={entity.id} max={16} />
        </dd>
      </dl>
      <div className={css.actions}>
        <Button aria-pressed={entity.owned} onClick={() => tag({ id: entity.id, owned: !entity.owned })}>
          {entity.owned ? "Owned: take back" : "Mark as owned"}
        </Button>
        <Button aria-pressed={entity.sensitive} onClick={() => tag({ id: entity.id, sensitive: !entity.sensitive })}>
          {entity.sensitive ? "Sensitive: take back" : "Mark as sensitive"}
        </Button>
      </div>
      {entity.alerts.totalCount > 0 && (
        <>
          <h2>{plural(entity.alerts.totalCount, "alert")}</h2>
          {entity.alerts.nodes.map((one) => (
            <Go key={one.id} to={`/alerts/${one.id}`} className={css.alert}>
              <Severity level={one.severity} />
              <span className="ellipsis">{one.title}</span>
              <span className="quiet">
                <Ago at={one.lastAt} />
              </span>
            </Go>
          ))}
        </>
      )}
      <h2>Properties</h2>
      <dl className={css.facts}>
        {entity.properties.filter(telling).map((one) => (
          <Property key={one.name} name={one.name} value={one.value} />
        ))}
      </dl>
      <Go to={entityPath(entity.id)} className="link">
        Open its page
      </Go>
    </div>
  );
}

/** Empty, false and null properties say nothing in a rail; the page of the entity has them all. */
function telling({ value }: { value: string }): boolean {
  return !["", "false", "0", "-1"].includes(value);
}

function Property({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt className="ellipsis" title={name}>
        {name}
      </dt>
      <dd>
        <Copyable text={value} max={16} />
      </dd>
    </>
  );
}

type DetailEdge = NonNullable<EdgeData["edge"]>;

export function EdgeRail({ edge, asOf, onExclude }: { edge: SceneEdge; asOf: string | null; onExclude: () => void }) {
  const variables = { id: edge.id, ...(asOf === null ? {} : { asOf }) };
  const [result, again] = useQuery({ query: EdgeDetailQuery, variables });
  return (
    <div className={css.detail} data-testid="edge-detail">
      <div className={css.ends}>
        <EntityLink entity={edge.source} />
        <EdgeArrow edge={edge} />
        <EntityLink entity={edge.target} />
      </div>
      <div className={css.actions}>
        <Button onClick={onExclude}>
          Exclude from paths <kbd>x</kbd>
        </Button>
      </div>
      <dl className={css.facts}>
        <dt>What</dt>
        <dd>{edge.observed ? "observed" : edge.origin === "DERIVED" ? "possible, derived ƒ" : "possible, granted"}</dd>
        <dt>Cost</dt>
        <dd>{edge.cost}</dd>
        {edge.observed && (
          <>
            <dt>Times</dt>
            <dd>{count(edge.count)}</dd>
          </>
        )}
        <dt>First seen</dt>
        <dd>
          <At at={edge.firstSeenAt} precision="min" />
        </dd>
        <dt>Last seen</dt>
        <dd>
          <At at={edge.lastSeenAt} precision="min" />
        </dd>
        {edge.endedAt && (
          <>
            <dt>Ended</dt>
            <dd>
              <At at={edge.endedAt} precision="min" />
            </dd>
          </>
        )}
      </dl>
      <Loaded result={result} retry={again} lines={3}>
        {(data) =>
          data.edge == null ? (
            <p className="quiet">The edge is gone: it does not hold at this time.</p>
          ) : (
            <EdgeWords edge={data.edge} />
          )
        }
      </Loaded>
    </div>
  );
}

function EdgeWords({ edge }: { edge: DetailEdge }) {
  return (
    <>
      <h2>What it gives</h2>
      <p>
        {entityName(edge.source)} {edge.help}: {entityName(edge.target)}.
        {edge.traversable ? "" : " No path uses it by itself."}
      </p>
      <h2>What removes it</h2>
      <p>{edge.remediation}</p>
      {edge.composition.length > 0 && (
        <>
          <h2>Granted by</h2>
          <ul className="plain-list">
            {edge.composition.map((one) => (
              <li key={one.id} className={css.composed}>
                <EdgeSentence edge={one} />
                <span className="second">{one.help}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <h2>Told by</h2>
      <p className="mono">{edge.sources.map(baseName).join(", ") || "no source is named"}</p>
      {edge.properties.length > 0 && (
        <dl className={css.facts}>
          {edge.properties.map((one) => (
            <Property key={one.name} name={one.name} value={one.value} />
          ))}
        </dl>
      )}
    </>
  );
}

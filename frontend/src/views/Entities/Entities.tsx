/** All entities: filtered and ordered by the server, a page at a time. */
import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useMemo } from "react";
import { useQuery } from "urql";
import { EntitiesQuery } from "../../api/documents/entities";
import { LegendQuery } from "../../api/documents/graph";
import { usePaged } from "../../api/paged";
import { type Column, DataTable } from "../../components/DataTable/DataTable";
import { EntityLink, entityPath } from "../../components/EntityLink/EntityLink";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Failed, Waiting } from "../../components/Loaded/Loaded";
import { LoadMore } from "../../components/LoadMore/LoadMore";
import { PageHead } from "../../components/PageHead/PageHead";
import { Ago } from "../../components/Time/Time";
import type { EntitiesQuery as Data, EntityFilter, EntityOrder, NodeKind } from "../../gql/graphql";
import { count, percent, plural } from "../../state/format";
import { useGo, useParam, useSetParams } from "../../state/url";

type Row = Data["entities"]["nodes"][number];
const connection = (data: Data) => data.entities;

export default function Entities() {
  const [kind, setKind] = useParam("kind");
  const [tier, setTier] = useParam("tier");
  const [text, setText] = useParam("q");
  const [order, setOrder] = useParam("order", "RISK");
  const setParams = useSetParams();
  const [legend] = useQuery({ query: LegendQuery });
  const variables = useMemo(() => {
    const filter: EntityFilter = {};
    if (kind !== "") filter.kinds = [kind as NodeKind];
    if (tier === "zero") filter.tierZero = true;
    if (text !== "") filter.text = text;
    return { filter, orderBy: order as EntityOrder, first: 100 };
  }, [kind, tier, text, order]);
  const list = usePaged(EntitiesQuery, variables, connection);
  const typed = useDebouncedCallback((value: string) => setText(value), 200);
  const go = useGo();
  const columns = columnsOf(order, setOrder);
  const graph =
    list.nodes.length > 0
      ? `/graph?focus=${list.nodes
          .slice(0, 30)
          .map((one) => encodeURIComponent(one.id))
          .join(",")}`
      : undefined;

  return (
    <>
      <PageHead
        title="Entities"
        note={plural(list.total, "object")}
        tools={
          <ListTools
            query={EntitiesQuery}
            variables={variables}
            graph={graph}
            sheet={{
              name: "entities",
              header: [
                "id",
                "kind",
                "name",
                "domain",
                "enabled",
                "tier_zero",
                "risk",
                "open_alerts",
                "exposure_percent",
                "impact",
                "hops_to_tier_zero",
                "last_seen_at",
              ],
              rows: () =>
                list.nodes.map((one) => [
                  one.id,
                  one.kind,
                  one.name,
                  one.domain,
                  String(one.enabled ?? ""),
                  String(one.tierZero),
                  one.risk.score,
                  one.openAlerts,
                  one.exposurePercent,
                  one.impact,
                  one.distanceToTierZero,
                  one.lastSeenAt,
                ]),
            }}
          />
        }
      >
        <TextInput
          key={text === "" ? "empty" : "text"}
          aria-label="Text"
          placeholder="Name or id"
          defaultValue={text}
          onChange={(event) => typed(event.currentTarget.value)}
          w={240}
        />
        <Select
          aria-label="Kind"
          placeholder="Any kind"
          data={(legend.data?.nodeKinds ?? []).map((one) => one.kind)}
          value={kind === "" ? null : kind}
          onChange={(value) => setKind(value)}
          clearable
          searchable
          w={180}
        />
        <Button
          onClick={() => setTier(tier === "zero" ? null : "zero")}
          aria-pressed={tier === "zero"}
          variant={tier === "zero" ? "filled" : "default"}
        >
          Tier Zero
        </Button>
      </PageHead>
      {list.error !== undefined && <Failed error={list.error} retry={list.again} />}
      {list.data === undefined && list.error === undefined && <Waiting lines={12} />}
      {list.data !== undefined && list.nodes.length === 0 && (
        <Empty
          title="No object matches"
          action={
            <Button style={{ alignSelf: "flex-start" }} onClick={() => setParams({ kind: null, tier: null, q: null })}>
              Clear the filters
            </Button>
          }
        >
          Objects come from a directory snapshot (hopwatch collect, or BloodHound files) and from the traffic that names
          them.
        </Empty>
      )}
      {list.nodes.length > 0 && (
        <div className="panel" style={{ margin: "4px 16px 16px" }}>
          <DataTable
            label="Entities"
            columns={columns}
            rows={list.nodes}
            id={(row) => row.id}
            onOpen={(row) => go(entityPath(row.id))}
            minWidth={820}
          />
          <LoadMore shown={list.nodes.length} total={list.total} hasMore={list.hasMore} more={list.more} />
        </div>
      )}
    </>
  );
}

function columnsOf(order: string, setOrder: (order: string) => void): Column<Row>[] {
  const by = (key: EntityOrder) => ({ onSort: () => setOrder(key), sorted: order === key });
  return [
    { key: "name", title: "Name", cell: (row) => <EntityLink entity={row} />, ...by("NAME") },
    { key: "kind", title: "Kind", width: 108, cell: (row) => row.kind },
    {
      key: "domain",
      title: "Domain",
      width: 132,
      cell: (row) => row.domain?.toLowerCase() ?? <span className="quiet">–</span>,
    },
    {
      key: "alerts",
      title: "Open alerts",
      width: 92,
      align: "right",
      cell: (row) => (row.openAlerts === 0 ? <span className="quiet">–</span> : count(row.openAlerts)),
    },
    { key: "risk", title: "Risk", width: 72, align: "right", cell: (row) => row.risk.score.toFixed(0), ...by("RISK") },
    {
      key: "exposure",
      title: "Exposure",
      width: 96,
      align: "right",
      cell: (row) => percent(row.exposurePercent),
      ...by("EXPOSURE"),
    },
    { key: "impact", title: "Impact", width: 88, align: "right", cell: (row) => count(row.impact), ...by("IMPACT") },
    {
      key: "distance",
      title: "To Tier Zero",
      width: 112,
      align: "right",
      cell: (row) =>
        row.tierZero ? (
          "Tier Zero"
        ) : row.distanceToTierZero == null ? (
          <span className="quiet">no path</span>
        ) : (
          plural(row.distanceToTierZero, "hop")
        ),
      ...by("DISTANCE"),
    },
    { key: "seen", title: "Last seen", width: 112, align: "right", cell: (row) => <Ago at={row.lastSeenAt} /> },
  ];
}

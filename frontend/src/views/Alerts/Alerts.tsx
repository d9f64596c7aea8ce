/** The alert timeline: newest first, live, filtered by the URL, driven by keyboard (j k Enter t). */
import { Button, MultiSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useMemo, useState } from "react";
import { useQuery } from "urql";
import { AlertsQuery } from "../../api/documents/alerts";
import { DetectionsQuery } from "../../api/documents/posture";
import { useLive } from "../../api/live";
import { usePaged } from "../../api/paged";
import { ListTools, type Sheet } from "../../components/ListTools/ListTools";
import { Empty, Failed, Waiting } from "../../components/Loaded/Loaded";
import { LoadMore } from "../../components/LoadMore/LoadMore";
import { PageHead } from "../../components/PageHead/PageHead";
import { Triage } from "../../components/Triage/Triage";
import type { AlertFilter, AlertRowFragment, AlertState, AlertsQuery as Data, Severity } from "../../gql/graphql";
import { plural } from "../../state/format";
import { useSince } from "../../state/time";
import { useGo, useListParam, useParam, useSetParams } from "../../state/url";
import { AlertList } from "./AlertList";
import { merge } from "./merge";
import { useListKeys } from "./useListKeys";

const SEVERITIES = [
  { value: "HIGH", label: "high" },
  { value: "MEDIUM", label: "medium" },
  { value: "LOW", label: "low" },
  { value: "INFORMATIONAL", label: "info" },
];
const STATES = [
  { value: "OPEN", label: "open" },
  { value: "IN_PROGRESS", label: "in progress" },
  { value: "CLOSED", label: "closed" },
];
const UNSETTLED = "OPEN,IN_PROGRESS";
const connection = (data: Data) => data.alerts;

export default function Alerts() {
  const [severities, setSeverities] = useListParam("severity");
  const [states, setStates] = useParam("state", UNSETTLED);
  const [detections, setDetections] = useListParam("detection");
  const [text, setText] = useParam("q");
  const [entity] = useParam("entity");
  const setParams = useSetParams();
  const since = useSince();
  const filter = useMemo(
    () => filterOf({ severities, states, detections, text, entity, since }),
    [severities, states, detections, text, entity, since],
  );
  const variables = useMemo(() => ({ filter, first: 100 }), [filter]);
  const list = usePaged(AlertsQuery, variables, connection);
  const { changed } = useLive();
  const { rows, unseen } = useMemo(() => merge(list.nodes, changed, filter), [list.nodes, changed, filter]);
  const [manuals] = useQuery({ query: DetectionsQuery });
  const go = useGo();
  const [triaged, setTriaged] = useState<AlertRowFragment | null>(null);
  const [selected, setSelected] = useListKeys(rows, {
    onOpen: (row) => go(`/alerts/${row.id}`),
    onTriage: setTriaged,
    off: triaged !== null,
  });
  const typed = useDebouncedCallback((value: string) => setText(value), 200);
  const clear = () => setParams({ severity: null, state: "all", detection: null, q: null, entity: null, range: null });

  return (
    <>
      <PageHead
        title="Alerts"
        note={
          <>
            {plural(list.total, "alert")} · <kbd>j</kbd> <kbd>k</kbd> move · <kbd>Enter</kbd> open · <kbd>t</kbd> triage
          </>
        }
        tools={<ListTools query={AlertsQuery} variables={variables} sheet={sheetOf(rows)} />}
      >
        <TextInput
          key={text === "" ? "empty" : "text"}
          aria-label="Text"
          placeholder="Account, host, target or story"
          defaultValue={text}
          onChange={(event) => typed(event.currentTarget.value)}
          w={240}
        />
        <Filter label="Severity" data={SEVERITIES} value={severities} onChange={setSeverities} width={180} />
        <Filter
          label="State"
          data={STATES}
          value={states === "all" ? [] : states.split(",")}
          onChange={(value) => setStates(value.length === 0 ? "all" : value.join(","))}
          width={210}
        />
        <Filter
          label="Detection"
          data={(manuals.data?.detections ?? []).map((one) => ({ value: one.slug, label: one.title }))}
          value={detections}
          onChange={setDetections}
          width={220}
        />
        {entity !== "" && <Button onClick={() => setParams({ entity: null })}>Only one entity ✕</Button>}
        {unseen > 0 && <Button onClick={list.again}>{plural(unseen, "new alert")}, show</Button>}
      </PageHead>
      {list.error !== undefined && <Failed error={list.error} retry={list.again} />}
      {list.data === undefined && list.error === undefined && <Waiting lines={12} />}
      {list.data !== undefined && rows.length === 0 && (
        <Empty
          title="No alert matches"
          action={
            <Button onClick={clear} style={{ alignSelf: "flex-start", marginTop: 4 }}>
              Clear the filters
            </Button>
          }
        >
          An alert appears here the moment a detection judges traffic or a log. If nothing ever comes, the page Sources
          shows which of them are silent.
        </Empty>
      )}
      {rows.length > 0 && (
        <>
          <AlertList rows={rows} selected={selected} onSelect={setSelected} />
          <div style={{ padding: "0 16px" }}>
            <LoadMore shown={rows.length} total={list.total} hasMore={list.hasMore} more={list.more} />
          </div>
        </>
      )}
      {triaged !== null && <Triage alert={triaged} onClose={() => setTriaged(null)} />}
    </>
  );
}

interface FilterProps {
  label: string;
  data: { value: string; label: string }[];
  value: string[];
  onChange: (value: string[]) => void;
  width: number;
}

function Filter({ label, data, value, onChange, width }: FilterProps) {
  return (
    <MultiSelect
      aria-label={label}
      placeholder={value.length === 0 ? `Any ${label.toLowerCase()}` : undefined}
      data={data}
      value={value}
      onChange={onChange}
      clearable
      miw={width}
      maw={360}
    />
  );
}

interface Chosen {
  severities: string[];
  states: string;
  detections: string[];
  text: string;
  entity: string;
  since: string | undefined;
}

function filterOf(chosen: Chosen): AlertFilter {
  const filter: AlertFilter = {};
  if (chosen.severities.length > 0) filter.severities = chosen.severities as Severity[];
  if (chosen.states !== "all") filter.states = chosen.states.split(",") as AlertState[];
  if (chosen.detections.length > 0) filter.detections = chosen.detections;
  if (chosen.text !== "") filter.text = chosen.text;
  if (chosen.entity !== "") filter.entity = chosen.entity;
  if (chosen.since !== undefined) filter.since = chosen.since;
  return filter;
}

function sheetOf(rows: readonly AlertRowFragment[]): Sheet {
  return {
    name: "alerts",
    header: [
      "last_at",
      "first_at",
      "severity",
      "state",
      "detection",
      "actor",
      "source",
      "target_host",
      "target",
      "score",
      "events",
      "techniques",
      "explanation",
    ],
    rows: () =>
      rows.map((row) => [
        row.lastAt,
        row.firstAt,
        row.severity,
        row.state,
        row.detection,
        row.actor?.name,
        row.source?.name ?? row.source?.address,
        row.targetHost?.name ?? row.targetHost?.address,
        row.target,
        row.score,
        row.eventCount,
        row.techniques.join(" "),
        row.explanation,
      ]),
  };
}

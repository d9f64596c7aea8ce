/** Hunt: every normalised event, newest first, filtered by kind, name, host, address; a row opens its whole record. */
import { Button, MultiSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useMemo, useState } from "react";
import { EventsQuery } from "../../api/documents/posture";
import { usePaged } from "../../api/paged";
import { copyText } from "../../components/Copyable/copy";
import { DataTable } from "../../components/DataTable/DataTable";
import { eventColumns } from "../../components/EventColumns/eventColumns";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Failed, Waiting } from "../../components/Loaded/Loaded";
import { LoadMore } from "../../components/LoadMore/LoadMore";
import { PageHead } from "../../components/PageHead/PageHead";
import type { EventsQuery as Data, EventFilter } from "../../gql/graphql";
import { baseName, eventName, plural } from "../../state/format";
import { useSince } from "../../state/time";
import { useListParam, useParam, useSetParams } from "../../state/url";
import css from "./Hunt.module.css";

const connection = (data: Data) => data.events;

/** The kinds of events as the model names them; one that is not listed can still be asked for in the URL. */
const KINDS = [
  "as_exchange",
  "tgs_exchange",
  "ticket_use",
  "ntlm_logon",
  "logon",
  "logoff",
  "ldap_bind",
  "ldap_search",
  "directory_change",
  "directory_access",
  "group_change",
  "account_change",
  "rpc_call",
  "smb_session",
  "smb_file",
  "share_access",
  "dns_query",
  "service_install",
  "task_registration",
  "process_start",
  "certificate_request",
  "audit_tampering",
  "sign_in",
  "name_observed",
  "opaque",
  "anomaly",
];

export default function Hunt() {
  const [what, setWhat] = useListParam("what");
  const [text, setText] = useParam("q");
  const [entity] = useParam("entity");
  const setParams = useSetParams();
  const since = useSince();
  const variables = useMemo(() => {
    const filter: EventFilter = {};
    if (what.length > 0) filter.what = what;
    if (text !== "") filter.text = text;
    if (entity !== "") filter.entity = entity;
    if (since !== undefined) filter.since = since;
    return { filter, first: 100 };
  }, [what, text, entity, since]);
  const list = usePaged(EventsQuery, variables, connection);
  const [open, setOpen] = useState<string | null>(null);
  const shown = list.nodes.find((one) => one.id === open);
  const typed = useDebouncedCallback((value: string) => setText(value), 200);
  const kinds = [...new Set([...KINDS, ...what])].map((value) => ({ value, label: eventName(value) }));

  return (
    <div className={css.page}>
      <PageHead
        title="Hunt"
        note={plural(list.total, "event")}
        tools={
          <ListTools
            query={EventsQuery}
            variables={variables}
            sheet={{
              name: "events",
              header: ["time", "what", "actor", "source", "target", "outcome", "summary", "evidence_source", "record"],
              rows: () =>
                list.nodes.map((one) => [
                  one.time,
                  one.what,
                  one.actor?.name,
                  one.source?.name ?? one.source?.address,
                  one.target?.name ?? one.target?.address,
                  one.outcome,
                  one.summary,
                  one.evidence.source,
                  one.evidence.record,
                ]),
            }}
          />
        }
      >
        <TextInput
          key={text === "" ? "empty" : "text"}
          aria-label="Text"
          placeholder="Account, host or address"
          defaultValue={text}
          onChange={(event) => typed(event.currentTarget.value)}
          w={240}
        />
        <MultiSelect
          aria-label="Kind of event"
          placeholder={what.length === 0 ? "Any kind of event" : undefined}
          data={kinds}
          value={what}
          onChange={setWhat}
          clearable
          searchable
          miw={220}
          maw={480}
        />
        {entity !== "" && <Button onClick={() => setParams({ entity: null })}>Only one entity ✕</Button>}
      </PageHead>
      {list.error !== undefined && <Failed error={list.error} retry={list.again} />}
      {list.data === undefined && list.error === undefined && <Waiting lines={12} />}
      {list.data !== undefined && list.nodes.length === 0 && (
        <Empty
          title="No event matches"
          action={
            <Button
              style={{ alignSelf: "flex-start" }}
              onClick={() => setParams({ what: null, q: null, entity: null, range: null })}
            >
              Clear the filters
            </Button>
          }
        >
          Events come from captures and logs: <code className="mono">hopwatch import PATH</code>, or a sensor with
          hopwatch capture.
        </Empty>
      )}
      {list.nodes.length > 0 && (
        <div className={css.split}>
          <div className={`panel ${css.list}`}>
            <DataTable
              label="Events"
              compact
              columns={eventColumns()}
              rows={list.nodes}
              id={(row) => row.id}
              selected={open}
              onOpen={(row) => setOpen(row.id === open ? null : row.id)}
              minWidth={880}
            />
            <LoadMore shown={list.nodes.length} total={list.total} hasMore={list.hasMore} more={list.more} />
          </div>
          {shown !== undefined && (
            <aside className={`panel ${css.record}`} aria-label="Record">
              <header>
                <h2>{eventName(shown.what)}</h2>
                <span className="quiet ellipsis">
                  {baseName(shown.evidence.source)}, {shown.evidence.record}
                </span>
                <div className="grow" />
                <Button onClick={() => void copyText(shown.json)}>Copy</Button>
                <Button onClick={() => setOpen(null)}>Close</Button>
              </header>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
              <pre className="mono" tabIndex={0}>
                {pretty(shown.json)}
              </pre>
            </aside>
          )}
        </div>
      )}
    </div>
  );
}

/** The record indented; as it came where it is no JSON. */
function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

/** The columns of an event list, the same on every page. */
import type { EventRowFragment } from "../../gql/graphql";
import { eventName, said } from "../../state/format";
import type { Column } from "../DataTable/DataTable";
import { Where, Who } from "../EntityLink/EntityLink";
import { At } from "../Time/Time";

export function eventColumns(): Column<EventRowFragment>[] {
  return [
    { key: "time", title: "Time", width: 200, cell: (row) => <At at={row.time} precision="ms" /> },
    { key: "what", title: "What", width: 124, cell: (row) => eventName(row.what) },
    { key: "actor", title: "Actor", width: 150, cell: (row) => <Who account={row.actor} /> },
    { key: "source", title: "Source", width: 112, cell: (row) => <Where host={row.source} /> },
    { key: "target", title: "Target", width: 112, cell: (row) => <Where host={row.target} /> },
    {
      key: "outcome",
      title: "Outcome",
      width: 104,
      cell: (row) => <span className={row.outcome === "success" ? "second" : undefined}>{row.outcome}</span>,
    },
    { key: "summary", title: "Summary", cell: (row) => <span title={row.summary}>{said(row.summary)}</span> },
  ];
}

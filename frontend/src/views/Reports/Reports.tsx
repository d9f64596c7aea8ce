/** Reports: run one now, see the schedules, download what was made. */
import { Button } from "@mantine/core";
import { useMemo, useState } from "react";
import { type CombinedError, useMutation } from "urql";
import { ReportsQuery, RunReportMutation } from "../../api/documents/posture";
import { usePaged } from "../../api/paged";
import { type Column, DataTable } from "../../components/DataTable/DataTable";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Failed, Waiting } from "../../components/Loaded/Loaded";
import { LoadMore } from "../../components/LoadMore/LoadMore";
import { PageHead } from "../../components/PageHead/PageHead";
import { Ago, At } from "../../components/Time/Time";
import type { ReportsQuery as Data } from "../../gql/graphql";
import { bytes, plural } from "../../state/format";

type Report = Data["reports"]["nodes"][number];
type Schedule = Data["reportSchedules"][number];
const connection = (data: Data) => data.reports;

const COLUMNS: Column<Report>[] = [
  { key: "title", title: "Report", cell: (row) => row.title },
  { key: "at", title: "Made", width: 200, cell: (row) => <At at={row.createdAt} /> },
  { key: "trigger", title: "By", width: 112, cell: (row) => row.trigger },
  {
    key: "files",
    title: "Download",
    width: 320,
    cell: (row) => (
      <span className="row">
        {row.files.map((file) => (
          <a key={file.format} className="link" href={file.url} download>
            {file.format.toUpperCase()} <span className="quiet">{bytes(file.sizeBytes)}</span>
          </a>
        ))}
      </span>
    ),
  },
];

export default function Reports() {
  const variables = useMemo(() => ({ first: 50 }), []);
  const list = usePaged(ReportsQuery, variables, connection);
  const [, run] = useMutation(RunReportMutation);
  const [running, setRunning] = useState<string | null>(null);
  const [failed, setFailed] = useState<CombinedError>();
  const start = async (name: string) => {
    setRunning(name);
    const answer = await run({ name });
    setRunning(null);
    setFailed(answer.error);
    if (answer.error === undefined) list.again();
  };
  return (
    <>
      <PageHead
        title="Reports"
        note={plural(list.total, "report")}
        tools={
          <ListTools
            query={ReportsQuery}
            variables={variables}
            sheet={{
              name: "reports",
              header: ["id", "name", "title", "created_at", "trigger", "files"],
              rows: () =>
                list.nodes.map((one) => [
                  one.id,
                  one.name,
                  one.title,
                  one.createdAt,
                  one.trigger,
                  one.files.map((file) => file.url).join(" "),
                ]),
            }}
          />
        }
      />
      {(list.error ?? failed) !== undefined && (
        <Failed error={(list.error ?? failed) as CombinedError} retry={list.again} />
      )}
      {list.data === undefined && list.error === undefined && <Waiting />}
      {list.data !== undefined && (
        <div style={{ display: "flex", flexDirection: "column", gap: 12, padding: "4px 16px 24px" }}>
          <section className="panel">
            <header>
              <h2>Schedules</h2>
            </header>
            {list.data.reportSchedules.length === 0 ? (
              <Empty title="No schedule">
                The server's configuration names them under reports; hopwatch report makes one without.
              </Empty>
            ) : (
              <DataTable
                label="Schedules"
                columns={scheduleColumns(running, start)}
                rows={list.data.reportSchedules}
                id={(row) => row.name}
                minWidth={760}
              />
            )}
          </section>
          <section className="panel">
            <header>
              <h2>Made</h2>
            </header>
            {list.nodes.length === 0 ? (
              <Empty title="No report yet">Run one now, or wait for its schedule.</Empty>
            ) : (
              <>
                <DataTable label="Reports" columns={COLUMNS} rows={list.nodes} id={(row) => row.id} minWidth={760} />
                <LoadMore shown={list.nodes.length} total={list.total} hasMore={list.hasMore} more={list.more} />
              </>
            )}
          </section>
        </div>
      )}
    </>
  );
}

function scheduleColumns(running: string | null, start: (name: string) => void): Column<Schedule>[] {
  return [
    { key: "title", title: "Report", cell: (row) => row.title },
    { key: "cron", title: "Cron", width: 128, cell: (row) => <span className="mono">{row.cron}</span> },
    { key: "last", title: "Last run", width: 128, cell: (row) => <Ago at={row.lastRunAt} /> },
    { key: "next", title: "Next run", width: 200, cell: (row) => <At at={row.nextRunAt} precision="min" /> },
    {
      key: "run",
      title: "",
      width: 120,
      align: "right",
      cell: (row) => (
        <Button
          size="compact-xs"
          loading={running === row.name}
          disabled={running !== null && running !== row.name}
          onClick={() => start(row.name)}
          aria-label={`Run now: ${row.title}`}
        >
          Run now
        </Button>
      ),
    },
  ];
}

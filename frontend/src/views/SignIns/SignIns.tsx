/** Sign-ins from outside: who, from where, with what; how far from the one before, and which nobody could have made. */
import { Button, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { lazy, Suspense, useMemo } from "react";
import { SignInsQuery } from "../../api/documents/posture";
import { usePaged } from "../../api/paged";
import { type Column, DataTable } from "../../components/DataTable/DataTable";
import { Where, Who } from "../../components/EntityLink/EntityLink";
import { Go } from "../../components/Go/Go";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Failed, Waiting } from "../../components/Loaded/Loaded";
import { LoadMore } from "../../components/LoadMore/LoadMore";
import { PageHead } from "../../components/PageHead/PageHead";
import { At } from "../../components/Time/Time";
import type { AlertRowFragment, SignInsQuery as Data, EventFilter } from "../../gql/graphql";
import { count, plural } from "../../state/format";
import { spanOf, useSince } from "../../state/time";
import { useParam, useSetParams } from "../../state/url";
import css from "./SignIns.module.css";
import { accountOf, impossible, type Journey, journeys, type Row, tooFast, where } from "./travel";

const WorldMap = lazy(async () => ({ default: (await import("./WorldMap")).WorldMap }));

const connection = (data: Data) => data.events;

export default function SignIns() {
  const [text, setText] = useParam("q");
  const [entity] = useParam("entity");
  const setParams = useSetParams();
  const since = useSince();
  const variables = useMemo(() => {
    const filter: EventFilter = { what: ["sign_in"] };
    if (text !== "") filter.text = text;
    if (entity !== "") filter.entity = entity;
    if (since !== undefined) filter.since = since;
    return { filter, first: 500 };
  }, [text, entity, since]);
  const list = usePaged(SignInsQuery, variables, connection);
  const typed = useDebouncedCallback((value: string) => setText(value), 200);
  const found = useMemo(() => journeys(list.nodes), [list.nodes]);
  const trips = useMemo(() => impossible(found), [found]);
  const columns = useMemo(() => columnsOf(found), [found]);
  return (
    <>
      <PageHead
        title="Sign-ins"
        note={plural(list.total, "sign-in")}
        tools={<ListTools query={SignInsQuery} variables={variables} sheet={sheet(list.nodes, found)} />}
      >
        <TextInput
          key={text === "" ? "empty" : "text"}
          aria-label="Text"
          placeholder="Account or address"
          defaultValue={text}
          onChange={(event) => typed(event.currentTarget.value)}
          w={240}
        />
        {entity !== "" && <Button onClick={() => setParams({ entity: null })}>Only one entity ✕</Button>}
      </PageHead>
      {list.error !== undefined && <Failed error={list.error} retry={list.again} />}
      {list.data === undefined && list.error === undefined && <Waiting lines={12} />}
      {list.data !== undefined && list.nodes.length === 0 && (
        <Empty
          title="No sign-in is known"
          action={
            text !== "" || entity !== "" ? (
              <Button
                style={{ alignSelf: "flex-start" }}
                onClick={() => setParams({ q: null, entity: null, range: null })}
              >
                Clear the filters
              </Button>
            ) : undefined
          }
        >
          They come from VPN accounting (RADIUS) and from the sign-in logs of cloud applications.
        </Empty>
      )}
      {list.nodes.length > 0 && (
        <div className={css.page}>
          <div className={css.top}>
            <section className="panel">
              <header>
                <h2>From where</h2>
                <span className="quiet">{plural(list.nodes.length, "sign-in")} loaded</span>
              </header>
              <Suspense fallback={<div className={css.map} />}>
                <WorldMap rows={list.nodes} trips={trips} />
              </Suspense>
            </section>
            <Trips trips={trips} alerts={list.data?.alerts.nodes ?? []} />
          </div>
          <div className="panel">
            <DataTable
              label="Sign-ins"
              compact
              columns={columns}
              rows={list.nodes}
              id={(row) => row.id}
              minWidth={980}
            />
            <LoadMore shown={list.nodes.length} total={list.total} hasMore={list.hasMore} more={list.more} />
          </div>
        </div>
      )}
    </>
  );
}

function Trips({ trips, alerts }: { trips: readonly Journey[]; alerts: readonly AlertRowFragment[] }) {
  return (
    <section className="panel">
      <header>
        <h2>Impossible travel</h2>
        <span className="quiet">faster than a plane</span>
      </header>
      {trips.length === 0 && (
        <Empty title="Every journey could be made">
          Two sign-ins of one account that are too far apart for the time between them are listed here.
        </Empty>
      )}
      {trips.slice(0, 6).map((trip) => {
        const alert = alerts.find(
          (one) => accountOf(trip.to) === (one.actor?.entity?.id ?? one.actor?.name.toLowerCase()),
        );
        return (
          <div key={trip.to.id} className={css.trip}>
            <div className={css.who}>
              <Who account={trip.to.actor} />
              <div className="grow" />
              {alert !== undefined && (
                <Go className="link" to={`/alerts/${alert.id}`}>
                  alert
                </Go>
              )}
            </div>
            <div className={css.way}>
              <strong>{where(trip.from)}</strong> → <strong>{where(trip.to)}</strong>
            </div>
            <div>
              {count(trip.distanceKm)} km in {spanOf(trip.from.time, trip.to.time)}{" "}
              <span className={css.fast}>{count(trip.speedKmh)} km/h</span>
            </div>
            <div className="quiet">
              <At at={trip.from.time} precision="min" /> → <At at={trip.to.time} precision="min" />
            </div>
          </div>
        );
      })}
    </section>
  );
}

function columnsOf(found: ReadonlyMap<string, Journey>): Column<Row>[] {
  return [
    { key: "time", title: "Time", width: 144, cell: (row) => <At at={row.time} precision="min" /> },
    { key: "who", title: "Who", width: 148, cell: (row) => <Who account={row.actor} /> },
    { key: "place", title: "Place", width: 116, cell: (row) => where(row) || <span className="quiet">unknown</span> },
    {
      key: "way",
      title: "Since the one before",
      width: 152,
      cell: (row) => <Way journey={found.get(row.id)} />,
    },
    { key: "application", title: "Application", width: 132, cell: (row) => row.signIn?.application },
    {
      key: "from",
      title: "Address",
      width: 168,
      cell: (row) => (
        <>
          <Where host={row.source} />{" "}
          {row.signIn?.asn != null && <span className="mono quiet">AS{row.signIn.asn}</span>}
        </>
      ),
    },
    {
      key: "client",
      title: "Client",
      cell: (row) => {
        const text = [row.signIn?.device, row.signIn?.userAgent].filter(Boolean).join(" · ");
        return text === "" ? <span className="quiet">–</span> : <span title={text}>{text}</span>;
      },
    },
    {
      key: "outcome",
      title: "Outcome",
      width: 80,
      cell: (row) => <span className={row.outcome === "success" ? "second" : css.fast}>{row.outcome}</span>,
    },
  ];
}

function Way({ journey }: { journey: Journey | undefined }) {
  if (journey === undefined) return <span className="quiet">–</span>;
  if (journey.distanceKm < 1) return <span className="quiet">same place</span>;
  const text = `${count(journey.distanceKm)} km in ${spanOf(journey.from.time, journey.to.time)}`;
  return <span className={tooFast(journey) ? css.fast : "second"}>{text}</span>;
}

function sheet(rows: readonly Row[], found: ReadonlyMap<string, Journey>) {
  return {
    name: "sign-ins",
    header: ["time", "account", "city", "country", "distance_km", "speed_kmh", "application", "address", "outcome"],
    rows: () =>
      rows.map((row) => [
        row.time,
        row.actor?.name,
        row.signIn?.city,
        row.signIn?.country,
        found.get(row.id)?.distanceKm.toFixed(0),
        found.get(row.id)?.speedKmh.toFixed(0),
        row.signIn?.application,
        row.source?.address,
        row.outcome,
      ]),
  };
}

/** The first ninety seconds: what is open, how exposed the estate is, what to fix first, who is odd, what is blind. */
import { useEffect } from "react";
import { useQuery } from "urql";
import { OverviewQuery } from "../../api/documents/posture";
import { useLive } from "../../api/live";
import { AlertBars } from "../../components/Charts/AlertBars";
import { Go } from "../../components/Go/Go";
import { ListTools } from "../../components/ListTools/ListTools";
import { Loaded } from "../../components/Loaded/Loaded";
import { PageHead } from "../../components/PageHead/PageHead";
import type { OverviewQuery as Data } from "../../gql/graphql";
import { count, percent, plural } from "../../state/format";
import css from "./Overview.module.css";
import { Blind, FixFirst, Learning, Oddest } from "./parts";
import { silent } from "./sources";
import { WhatHappened } from "./WhatHappened";

const BUCKETS = 28;

export default function Overview() {
  const [result, again] = useQuery({ query: OverviewQuery, variables: { buckets: BUCKETS } });
  const { beat } = useLive();
  useEffect(() => {
    if (beat > 0) again({ requestPolicy: "network-only" });
  }, [beat, again]);
  return (
    <>
      <PageHead title="Overview" tools={<ListTools query={OverviewQuery} variables={{ buckets: BUCKETS }} />} />
      <Loaded result={result} retry={again} lines={12}>
        {(data) => <Body data={data} />}
      </Loaded>
    </>
  );
}

function Body({ data }: { data: Data }) {
  const { overview, alerts, health } = data;
  const mute = health.sources.filter(silent).length;
  return (
    <div className={css.page}>
      <div className={css.numbers}>
        <Figure
          to="/alerts?state=OPEN"
          name="Open alerts"
          value={count(overview.openAlerts)}
          note={plural(overview.openHigh, "high", "high")}
          urgent={overview.openHigh > 0}
        />
        <Figure
          to="/posture"
          name="Exposure"
          value={percent(overview.exposurePercent)}
          note={`${count(overview.exposedPrincipals)} of ${count(overview.principals)} principals reach Tier Zero`}
        />
        <Figure to="/entities?tier=zero" name="Tier Zero" value={count(overview.tierZero)} note="objects" />
        <Figure
          to="/health"
          name="Coverage"
          value={`${health.sources.length - mute}/${health.sources.length}`}
          note={health.coverageGaps.length === 0 ? "sources speak" : plural(health.coverageGaps.length, "blind spot")}
        />
        <div className={css.bars}>
          <h2>Alerts, 28 d</h2>
          <AlertBars buckets={overview.alertHistogram} height={44} />
        </div>
      </div>
      <WhatHappened alerts={alerts.nodes} total={alerts.totalCount} />
      <div className={css.columns}>
        <div className={css.stack}>
          <FixFirst points={overview.fixFirst} />
          <Learning learning={overview.learning} />
        </div>
        <div className={css.stack}>
          <Oddest scores={overview.oddest} risky={data.entities.nodes} />
          <Blind health={health} />
        </div>
      </div>
    </div>
  );
}

function Figure({
  to,
  name,
  value,
  note,
  urgent,
}: {
  to: string;
  name: string;
  value: string;
  note: string;
  urgent?: boolean;
}) {
  return (
    <Go to={to} className={css.figure}>
      <h2>{name}</h2>
      <span className={css.value}>{value}</span>
      <span className={urgent ? css.urgent : "quiet"}>{note}</span>
    </Go>
  );
}

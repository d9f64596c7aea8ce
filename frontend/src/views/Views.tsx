/** The routes. Each view is its own chunk; the graph's is the heaviest. */
import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { Empty, Waiting } from "../components/Loaded/Loaded";

const Overview = lazy(() => import("./Overview/Overview"));
const Alerts = lazy(() => import("./Alerts/Alerts"));
const AlertView = lazy(() => import("./Alert/Alert"));
const GraphView = lazy(() => import("./Graph/Graph"));
const Entities = lazy(() => import("./Entities/Entities"));
const EntityView = lazy(() => import("./Entity/Entity"));
const Posture = lazy(() => import("./Posture/Posture"));
const Hunt = lazy(() => import("./Hunt/Hunt"));
const SignIns = lazy(() => import("./SignIns/SignIns"));
const Reports = lazy(() => import("./Reports/Reports"));
const Detections = lazy(() => import("./Detections/Detections"));
const HealthView = lazy(() => import("./Health/Health"));

export function Views() {
  return (
    <Suspense fallback={<Waiting />}>
      <Switch>
        <Route path="/" component={Overview} />
        <Route path="/alerts" component={Alerts} />
        <Route path="/alerts/:id">{({ id }) => <AlertView key={id} id={decode(id)} />}</Route>
        <Route path="/graph" component={GraphView} />
        <Route path="/entities" component={Entities} />
        <Route path="/entities/:id">{({ id }) => <EntityView key={id} id={decode(id)} />}</Route>
        <Route path="/posture" component={Posture} />
        <Route path="/hunt" component={Hunt} />
        <Route path="/sign-ins" component={SignIns} />
        <Route path="/reports" component={Reports} />
        <Route path="/detections">{() => <Detections />}</Route>
        <Route path="/detections/:slug">{({ slug }) => <Detections slug={decode(slug)} />}</Route>
        <Route path="/health" component={HealthView} />
        <Route path="/login">
          <Redirect to="/" />
        </Route>
        <Route>
          <Empty title="There is no such page">The address may be mistyped; the menu on the left has every view.</Empty>
        </Route>
      </Switch>
    </Suspense>
  );
}

/** wouter gives parameters decoded or not by version of the route; decoding twice is harmless for our ids. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

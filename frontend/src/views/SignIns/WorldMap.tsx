/** Where people sign in: a dot per place, as large as it is often used, and the impossible journeys as great circles. */
import { geoGraticule10, geoNaturalEarth1, geoPath } from "d3-geo";
import { useMemo } from "react";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import land from "world-atlas/land-110m.json";
import css from "./SignIns.module.css";
import { type Journey, placeOf, type Row, where } from "./travel";

const WIDTH = 960;
const HEIGHT = 380;

interface Spot {
  name: string;
  x: number;
  y: number;
  count: number;
  marked: boolean;
  /** Its name stands on the left, as the journey leaves to the right. */
  left: boolean;
}

export function WorldMap({ rows, trips }: { rows: readonly Row[]; trips: readonly Journey[] }) {
  const { earth, lines, path, project } = useMemo(base, []);
  const spots = useMemo(() => spotsOf(rows, trips, project), [rows, trips, project]);
  return (
    <svg
      className={css.map}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Sign-ins from ${spots.length} places, ${trips.length} impossible journeys`}
    >
      <path d={lines} className={css.lines} />
      <path d={earth} className={css.land} />
      {trips.map((trip) => (
        <path key={trip.to.id} d={arc(trip, path)} className={css.arc} />
      ))}
      {spots.map((spot) => (
        <g key={spot.name} className={spot.marked ? css.marked : undefined}>
          <circle cx={spot.x} cy={spot.y} r={2.5 + Math.min(6, Math.sqrt(spot.count) / 3)} className={css.spot}>
            <title>{`${spot.name}: ${spot.count} sign-ins`}</title>
          </circle>
          {spot.marked && (
            <text
              x={spot.x + (spot.left ? -10 : 10)}
              y={spot.y + 4}
              textAnchor={spot.left ? "end" : "start"}
              className={css.name}
            >
              {spot.name}
            </text>
          )}
        </g>
      ))}
    </svg>
  );
}

type Project = (place: [number, number]) => [number, number] | null;

function base() {
  const atlas = land as unknown as Topology<{ land: GeometryCollection }>;
  const shape = feature(atlas, atlas.objects.land);
  const projection = geoNaturalEarth1()
    .rotate([-11, 0])
    .fitExtent(
      [
        [4, 4],
        [WIDTH - 4, HEIGHT * 1.2],
      ],
      { type: "Sphere" },
    );
  const path = geoPath(projection);
  const project: Project = (place) => projection(place);
  return { earth: path(shape) ?? "", lines: path(geoGraticule10()) ?? "", path, project };
}

function arc(trip: Journey, path: ReturnType<typeof geoPath>): string {
  const ends = [placeOf(trip.from), placeOf(trip.to)].flatMap((one) => (one ? [[one.longitude, one.latitude]] : []));
  return path({ type: "LineString", coordinates: ends }) ?? "";
}

function spotsOf(rows: readonly Row[], trips: readonly Journey[], project: Project): Spot[] {
  const marked = new Set(trips.flatMap((trip) => [where(trip.from), where(trip.to)]));
  const west = new Set(
    trips.map(({ from, to }) => where((placeOf(from)?.longitude ?? 0) < (placeOf(to)?.longitude ?? 0) ? from : to)),
  );
  const spots = new Map<string, Spot>();
  for (const row of rows) {
    const place = placeOf(row);
    const at = place && project([place.longitude, place.latitude]);
    if (!at) continue;
    const name = where(row) || `${place.latitude}, ${place.longitude}`;
    const spot = spots.get(name) ?? {
      name,
      x: at[0],
      y: at[1],
      count: 0,
      marked: marked.has(name),
      left: west.has(name),
    };
    spot.count += 1;
    spots.set(name, spot);
  }
  return [...spots.values()].sort((a, b) => Number(a.marked) - Number(b.marked));
}

/**
 * From sign-ins to journeys: each account's sign-ins in time order, and how fast it must have been from one to the next.
 * This is arithmetic for the eye; whether it is an alert, the detection decides. Pure.
 */
import type { SignInsQuery } from "../../gql/graphql";

export type Row = SignInsQuery["events"]["nodes"][number];

export interface Journey {
  from: Row;
  to: Row;
  distanceKm: number;
  seconds: number;
  speedKmh: number;
}

/** Mean radius of the earth, kilometres. */
const EARTH_KM = 6371;
/** Faster than any airliner over the ground, from door to door: kilometres an hour. */
export const TOO_FAST_KMH = 900;
/** Nearer than this, places of address databases are not told apart: kilometres. */
const NEAR_KM = 100;

export function accountOf(row: Row): string {
  return row.actor?.entity?.id ?? row.actor?.name.toLowerCase() ?? "";
}

interface Place {
  latitude: number;
  longitude: number;
}

export function placeOf(row: Row): Place | null {
  const { latitude, longitude } = row.signIn ?? {};
  return latitude == null || longitude == null ? null : { latitude, longitude };
}

/** Along the great circle, by the haversine formula. */
export function distanceKm(a: Place, b: Place): number {
  const rad = Math.PI / 180;
  const [north, east] = [(b.latitude - a.latitude) * rad, (b.longitude - a.longitude) * rad];
  const chord =
    Math.sin(north / 2) ** 2 + Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * Math.sin(east / 2) ** 2;
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** How each successful sign-in with a place was reached from the account's one before, by its id. */
export function journeys(rows: readonly Row[]): Map<string, Journey> {
  const last = new Map<string, Row>();
  const found = new Map<string, Journey>();
  // A refused try may be anybody's, so it is no step of the account's journey.
  const made = rows.filter((row) => placeOf(row) !== null && row.outcome === "success");
  const inOrder = made.sort((a, b) => a.time.localeCompare(b.time));
  for (const to of inOrder) {
    const who = accountOf(to);
    const from = last.get(who);
    last.set(who, to);
    const [start, end] = [from && placeOf(from), placeOf(to)];
    if (from === undefined || !start || !end) continue;
    const seconds = (Date.parse(to.time) - Date.parse(from.time)) / 1000;
    const km = distanceKm(start, end);
    found.set(to.id, { from, to, distanceKm: km, seconds, speedKmh: km / Math.max(1 / 60, seconds / 3600) });
  }
  return found;
}

export function tooFast(journey: Journey | undefined): journey is Journey {
  return journey !== undefined && journey.distanceKm > NEAR_KM && journey.speedKmh > TOO_FAST_KMH;
}

/** Journeys that nobody can make, newest first; of one account's repeats between the same places the first. */
export function impossible(found: ReadonlyMap<string, Journey>): Journey[] {
  const seen = new Set<string>();
  return [...found.values()]
    .filter(tooFast)
    .filter((one) => {
      const key = [accountOf(one.to), one.from.signIn?.city, one.to.signIn?.city, one.to.time.slice(0, 10)].join("|");
      return !seen.has(key) && seen.add(key);
    })
    .sort((a, b) => b.to.time.localeCompare(a.to.time));
}

export function where(row: Row): string {
  const { city, country } = row.signIn ?? {};
  return [city, country].filter(Boolean).join(", ");
}

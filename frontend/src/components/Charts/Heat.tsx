/** Hour by day, own activity against the peers': darker is more; outlined is more than the peers by a wide margin. */
import css from "./Charts.module.css";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

interface Props {
  own: readonly (readonly number[])[];
  peers: readonly (readonly number[])[];
  peerCount: number;
}

/** More than five logons above three times what the peers do there: worth a look, not a judgement. */
export function stands(own: number, peers: number): boolean {
  return own >= 5 && own > 3 * peers;
}

export function Heat({ own, peers, peerCount }: Props) {
  const most = Math.max(1, ...own.flat());
  return (
    <figure style={{ margin: 0 }}>
      <div className={css.heat} role="img" aria-label={`Logons by hour (UTC) and weekday, against ${peerCount} peers`}>
        {DAYS.map((day, row) => (
          <DayRow key={day} day={day} own={own[row] ?? []} peers={peers[row] ?? []} most={most} />
        ))}
        <span />
        {Array.from({ length: 24 }, (_, hour) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: hours are their own keys
          <span key={hour} className={css.hour}>
            {hour % 3 === 0 ? String(hour).padStart(2, "0") : ""}
          </span>
        ))}
      </div>
      <figcaption className="quiet" style={{ fontSize: 12, paddingTop: 4 }}>
        Logons by hour (UTC) and weekday, darkest = {most}. Outlined: more than three times the mean of {peerCount}{" "}
        peers.
      </figcaption>
    </figure>
  );
}

function DayRow({
  day,
  own,
  peers,
  most,
}: {
  day: string;
  own: readonly number[];
  peers: readonly number[];
  most: number;
}) {
  return (
    <>
      <span className="quiet">{day}</span>
      {own.map((value, hour) => {
        const mean = peers[hour] ?? 0;
        const share = value === 0 ? 0 : 18 + Math.round((value / most) * 72);
        return (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: hours are their own keys
            key={hour}
            className={`${css.cell} ${stands(value, mean) ? css.odd : ""}`}
            style={
              share === 0 ? undefined : { background: `color-mix(in srgb, var(--hw-ink) ${share}%, var(--hw-sunken))` }
            }
            title={`${day} ${String(hour).padStart(2, "0")}:00 · ${value} own · ${mean.toFixed(1)} peers`}
          />
        );
      })}
    </>
  );
}

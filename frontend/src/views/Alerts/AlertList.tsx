/** The rows of the timeline, by day. Two lines each: what it is, and the story with its actor first. */
import { useMemo } from "react";
import { Where, Who } from "../../components/EntityLink/EntityLink";
import { Go } from "../../components/Go/Go";
import { Severity, State } from "../../components/Severity/Severity";
import type { AlertRowFragment } from "../../gql/graphql";
import { absolute, clock, relative, useZone, type Zone } from "../../state/time";
import { useGo } from "../../state/url";
import css from "./AlertList.module.css";

interface Props {
  rows: readonly AlertRowFragment[];
  selected: string | null;
  onSelect: (id: string) => void;
}

export function AlertList({ rows, selected, onSelect }: Props) {
  const [zone] = useZone();
  const days = useMemo(() => byDay(rows, zone), [rows, zone]);
  return (
    <div className={css.list} data-testid="alert-list">
      {days.map(({ day, rows: own }) => (
        <section key={day} aria-label={day}>
          <div className={css.day}>{day}</div>
          {own.map((row) => (
            <Row key={row.id} row={row} selected={row.id === selected} onSelect={onSelect} zone={zone} />
          ))}
        </section>
      ))}
    </div>
  );
}

function Row({
  row,
  selected,
  onSelect,
  zone,
}: {
  row: AlertRowFragment;
  selected: boolean;
  onSelect: (id: string) => void;
  zone: Zone;
}) {
  const go = useGo();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the title is a link, and j/k/Enter drive the list
    // biome-ignore lint/a11y/noStaticElementInteractions: the same
    <div
      className={`${css.row} ${selected ? css.selected : ""}`}
      data-row={row.id}
      data-detection={row.detection}
      onClick={(event) => {
        if (event.target instanceof Element && event.target.closest("a,button") !== null) return;
        onSelect(row.id);
        go(`/alerts/${row.id}`);
      }}
    >
      <time
        className="mono"
        dateTime={row.lastAt}
        title={`${absolute(row.lastAt, zone, "ms")} · ${relative(row.lastAt)}`}
      >
        {clock(row.lastAt, zone)}
      </time>
      <Severity level={row.severity} />
      <div className={css.what}>
        <Go to={`/alerts/${row.id}`} className={`${css.title} ellipsis`}>
          {row.title}
        </Go>
        <span className="ellipsis second" title={row.explanation}>
          {row.explanation}
        </span>
      </div>
      <div className={css.who}>
        <span className="ellipsis">
          <Who account={row.actor} />
        </span>
        <span className={css.arrow}>
          {row.source && <Where host={row.source} />}
          {(row.targetHost || row.target) && <span aria-hidden="true">→</span>}
          {row.targetHost ? (
            <Where host={row.targetHost} />
          ) : (
            row.target && (
              <span className="ellipsis" title={row.target}>
                {row.target}
              </span>
            )
          )}
        </span>
      </div>
      <div className={css.who}>
        <State state={row.state} classification={row.classification} />
        {row.assignee && <span className="quiet ellipsis">{row.assignee}</span>}
      </div>
      <span className={`num ${css.score}`} title={`Score ${row.score.toFixed(0)} of 100; ${row.eventCount} events`}>
        {row.score.toFixed(0)}
      </span>
    </div>
  );
}

export function byDay(rows: readonly AlertRowFragment[], zone: Zone): { day: string; rows: AlertRowFragment[] }[] {
  const days: { day: string; rows: AlertRowFragment[] }[] = [];
  for (const row of rows) {
    const day = absolute(row.lastAt, zone).slice(0, 10);
    const last = days.at(-1);
    if (last?.day === day) last.rows.push(row);
    else days.push({ day, rows: [row] });
  }
  return days;
}

/** A time: relative with the absolute on hover, or absolute where it stands in a table or an export. */
import { useEffect, useState } from "react";
import { absolute, relative, useZone } from "../../state/time";

/** One shared clock, so that a page of rows does not start a timer each. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function Ago({ at }: { at: string | null | undefined }) {
  const [zone] = useZone();
  const now = useNow();
  if (!at) return <span className="quiet">never</span>;
  return (
    <time dateTime={at} title={absolute(at, zone, "ms")} style={{ whiteSpace: "nowrap" }}>
      {relative(at, now)}
    </time>
  );
}

export function At({ at, precision = "s" }: { at: string | null | undefined; precision?: "s" | "ms" | "min" }) {
  const [zone] = useZone();
  if (!at) return <span className="quiet">–</span>;
  return (
    <time dateTime={at} title={relative(at)} className="mono" style={{ whiteSpace: "nowrap" }}>
      {absolute(at, zone, precision)}
    </time>
  );
}

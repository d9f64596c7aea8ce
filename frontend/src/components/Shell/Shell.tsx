/** The frame of every view: header (search, time, theme, who) and the menu with its live count. */
import type { ReactNode } from "react";
import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { useLocation } from "wouter";
import { PulseQuery } from "../../api/documents/session";
import { useLive } from "../../api/live";
import { WatermarkContext } from "../../state/time";
import { Go } from "../Go/Go";
import { SearchPalette } from "../SearchPalette/SearchPalette";
import { Ago } from "../Time/Time";
import { HeaderControls } from "./HeaderControls";
import css from "./Shell.module.css";
import { Wordmark } from "./Wordmark";

const WATCH = [
  { path: "/", label: "Overview" },
  { path: "/alerts", label: "Alerts" },
  { path: "/graph", label: "Graph" },
  { path: "/entities", label: "Entities" },
  { path: "/hunt", label: "Hunt" },
  { path: "/sign-ins", label: "Sign-ins" },
  { path: "/posture", label: "Posture" },
  { path: "/reports", label: "Reports" },
] as const;

const KEEP = [
  { path: "/detections", label: "Detections" },
  { path: "/health", label: "Sources" },
] as const;

const FEED_WORD = { live: "live", connecting: "connecting", lost: "feed lost, retrying" } as const;

export function Shell({ children }: { children: ReactNode }) {
  const { beat, feed } = useLive();
  const [pulse, again] = useQuery({ query: PulseQuery });
  useEffect(() => {
    if (beat > 0) again({ requestPolicy: "network-only" });
  }, [beat, again]);
  const [searching, setSearching] = useState(false);
  useSearchKey(() => setSearching(true));
  const open = pulse.data?.alerts.totalCount;
  const watermark = pulse.data?.health.watermark ?? null;

  return (
    <WatermarkContext value={watermark}>
      <div className={css.shell}>
        <header className={css.header}>
          <Go to="/" className={css.brand} aria-label="Hopwatch, to the overview">
            <Wordmark />
          </Go>
          <button type="button" className={css.search} onClick={() => setSearching(true)}>
            <span>Search anything</span>
            <kbd>{isMac() ? "⌘" : "Ctrl"} K</kbd>
          </button>
          <div className="grow" />
          <HeaderControls />
        </header>
        <nav className={css.nav} aria-label="Views">
          {WATCH.map((item) => (
            <NavItem key={item.path} {...item} note={item.path === "/alerts" ? open : undefined} />
          ))}
          <div className={css.gap} />
          {KEEP.map((item) => (
            <NavItem key={item.path} {...item} />
          ))}
          <div className={css.foot}>
            <span className={css.feed} data-state={feed} role="status">
              <i aria-hidden="true" />
              {FEED_WORD[feed]}
            </span>
            <br />
            newest event <Ago at={watermark} />
          </div>
        </nav>
        <main className={css.main}>{children}</main>
        {searching && <SearchPalette onClose={() => setSearching(false)} />}
      </div>
    </WatermarkContext>
  );
}

function NavItem({ path, label, note }: { path: string; label: string; note?: number | undefined }) {
  const [location] = useLocation();
  const here = path === "/" ? location === "/" : location === path || location.startsWith(`${path}/`);
  return (
    <Go to={path} className={`${css.item} ${here ? css.current : ""}`} aria-current={here ? "page" : undefined}>
      {label}
      {note !== undefined && note > 0 && (
        <span title={`${note} open`} style={{ color: "var(--hw-text)" }}>
          {note}
        </span>
      )}
    </Go>
  );
}

const isMac = (): boolean => /mac/i.test(navigator.userAgent);

/** ⌘K or Ctrl K anywhere, `/` outside of fields. */
function useSearchKey(open: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const field = event.target instanceof Element && event.target.closest("input,textarea,select,[contenteditable]");
      const combination = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k";
      if (combination || (event.key === "/" && !field)) {
        event.preventDefault();
        open();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
}

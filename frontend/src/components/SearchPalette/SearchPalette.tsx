/** ⌘K: any object by name or id, any view by name. Enter opens its page, Shift+Enter the graph around it. */
import { Modal, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { type KeyboardEvent, useState } from "react";
import { useQuery } from "urql";
import { SearchQuery } from "../../api/documents/graph";
import { useGo } from "../../state/url";
import { entityPath } from "../EntityLink/EntityLink";
import { KindMark } from "../Glyph/Glyph";
import { Failed } from "../Loaded/Loaded";
import css from "./SearchPalette.module.css";

const PAGES = ["Overview", "Alerts", "Graph", "Entities", "Hunt", "Posture", "Reports", "Detections", "Health"];

interface Hit {
  key: string;
  label: string;
  detail: string;
  kind: string | null;
  tierZero: boolean;
  path: string;
  graph: string | null;
}

export function SearchPalette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [asked] = useDebouncedValue(text.trim(), 120);
  const [result] = useQuery({ query: SearchQuery, variables: { text: asked, first: 12 }, pause: asked.length < 2 });
  const [at, setAt] = useState(0);
  const go = useGo();
  const hits = [...(asked.length < 2 ? [] : entityHits(result.data?.search ?? [])), ...pageHits(text)];
  const chosen = Math.min(at, hits.length - 1);

  const open = (hit: Hit | undefined, asGraph: boolean) => {
    if (hit === undefined) return;
    go(asGraph && hit.graph !== null ? hit.graph : hit.path);
    onClose();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((chosen + step + hits.length) % Math.max(1, hits.length));
    } else if (event.key === "Enter") open(hits[chosen], event.shiftKey);
  };

  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={560}
      yOffset="12vh"
      title={undefined}
      aria-label="Search anything"
    >
      <TextInput
        data-autofocus
        size="sm"
        variant="unstyled"
        className={css.field}
        placeholder="User, computer, group, SID, address, view"
        aria-label="Search anything"
        role="combobox"
        aria-expanded={hits.length > 0}
        aria-controls="search-hits"
        aria-activedescendant={hits[chosen] === undefined ? undefined : `hit-${hits[chosen].key}`}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      {result.error !== undefined && <Failed error={result.error} />}
      <div className={css.hits} role="listbox" id="search-hits" aria-label="Found">
        {hits.map((hit, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above moves and opens by keyboard
          <div
            key={hit.key}
            id={`hit-${hit.key}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            className={`${css.hit} ${index === chosen ? css.chosen : ""}`}
            onMouseMove={() => setAt(index)}
            onClick={(event) => open(hit, event.shiftKey)}
          >
            {hit.kind === null ? (
              <span className={css.page}>view</span>
            ) : (
              <KindMark kind={hit.kind} tierZero={hit.tierZero} />
            )}
            <span className="ellipsis">{hit.label}</span>
            <span className={`quiet ${css.detail}`}>{hit.detail}</span>
          </div>
        ))}
      </div>
      {asked.length >= 2 && !result.fetching && result.data?.search.length === 0 && (
        <div className={css.none}>
          No object is called “{asked}”. Objects come from directory snapshots and from traffic.
        </div>
      )}
      <div className={css.foot}>
        <kbd>↑</kbd> <kbd>↓</kbd> choose · <kbd>Enter</kbd> open · <kbd>Shift Enter</kbd> graph around it
      </div>
    </Modal>
  );
}

interface Found {
  id: string;
  kind: string;
  name: string;
  tierZero: boolean;
  distanceToTierZero?: number | null;
}

function entityHits(found: readonly Found[]): Hit[] {
  return found.map((one) => ({
    key: one.id,
    label: one.name,
    detail: one.tierZero ? "Tier Zero" : hops(one.distanceToTierZero),
    kind: one.kind,
    tierZero: one.tierZero,
    path: entityPath(one.id),
    graph: `/graph?focus=${encodeURIComponent(one.id)}`,
  }));
}

function hops(distance: number | null | undefined): string {
  if (distance === null || distance === undefined) return "no path to Tier Zero";
  return `${distance} ${distance === 1 ? "hop" : "hops"} to Tier Zero`;
}

function pageHits(text: string): Hit[] {
  const wanted = text.trim().toLowerCase();
  return PAGES.filter((page) => page.toLowerCase().includes(wanted)).map((page) => ({
    key: page,
    label: page === "Health" ? "Sources" : page,
    detail: "",
    kind: null,
    tierZero: false,
    path: page === "Overview" ? "/" : `/${page.toLowerCase()}`,
    graph: null,
  }));
}

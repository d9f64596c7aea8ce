import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { withChange } from "../api/live";
import { stands } from "../components/Charts/Heat";
import { fall } from "../components/Charts/Waterfall";
import { Empty } from "../components/Loaded/Loaded";
import { Markdown } from "../components/Markdown/Markdown";
import { parseInline, parseMarkdown } from "../components/Markdown/parse";
import { Severity } from "../components/Severity/Severity";
import { joined, parseParams, pathInput } from "../graph/useGraphParams";
import { alert } from "../testing/make";
import { markNames } from "./Alert/markNames";
import { spanOfStrip } from "./Alert/Strip";
import { byDay } from "./Alerts/AlertList";
import { merge } from "./Alerts/merge";
import { gravest, incidents } from "./Overview/incidents";
import { groupSources } from "./Overview/sources";
import { distanceKm, impossible, journeys, type Row } from "./SignIns/travel";

describe("live list", () => {
  it("a change updates its row in place and a stranger is only counted", () => {
    const loaded = [alert("a"), alert("b")];
    const changed = new Map([
      ["b", alert("b", { eventCount: 9, updatedAt: "2026-11-22T14:05:00Z" })],
      ["c", alert("c", { updatedAt: "2026-11-22T14:06:00Z" })],
    ]);
    const { rows, unseen } = merge(loaded, changed, { states: ["OPEN"] });
    expect(rows.map((row) => [row.id, row.eventCount])).toEqual([
      ["a", 1],
      ["b", 9],
    ]);
    expect(unseen).toBe(1);
    expect(merge(loaded, changed, { severities: ["LOW"] }).unseen).toBe(0);
    expect(merge(loaded, changed, { text: "nobody" }).unseen).toBe(0);
    expect(merge(loaded, changed, { text: "SVC_backup" }).unseen).toBe(1);
    expect(merge(loaded, changed, { entity: "S-1-5-9" }).unseen).toBe(0);
  });

  it("an older change does not undo a newer row", () => {
    const loaded = [alert("a", { state: "CLOSED", updatedAt: "2026-11-22T15:00:00Z" })];
    expect(merge(loaded, new Map([["a", alert("a")]]), {}).rows[0]?.state).toBe("CLOSED");
  });

  it("the feed keeps a bounded number of changes", () => {
    let kept: ReadonlyMap<string, ReturnType<typeof alert>> = new Map();
    for (let at = 0; at < 600; at++) kept = withChange(kept, alert(`a${at}`));
    expect(kept.size).toBe(500);
    expect(kept.has("a0")).toBe(false);
  });

  it("rows fall into days of the chosen zone", () => {
    const days = byDay([alert("a"), alert("b", { lastAt: "2026-11-21T23:59:59Z" })], "utc");
    expect(days.map((day) => day.day)).toEqual(["2026-11-22", "2026-11-21"]);
  });
});

describe("story", () => {
  it("names become links as whole words, the longest first", () => {
    const parts = markNames("svc asked dc1.lab for svc_backup on DC1, not dc10", [
      { text: "dc1", id: "D" },
      { text: "dc1.lab", id: "D" },
      { text: "svc_backup", id: "S" },
    ]);
    expect(parts.filter((part) => part.id !== null).map((part) => part.text)).toEqual(["dc1.lab", "svc_backup", "DC1"]);
    expect(parts.map((part) => part.text).join("")).toBe("svc asked dc1.lab for svc_backup on DC1, not dc10");
  });

  it("a strip with one event still has a span", () => {
    const { from, to } = spanOfStrip([], "2026-11-22T14:00:00Z", "2026-11-22T14:00:00Z");
    expect(to - from).toBeGreaterThan(0);
  });
});

describe("graph question in the URL", () => {
  it("ids with commas survive, numbers stay in bounds", () => {
    const params = parseParams(`?from=A&notEdge=${encodeURIComponent(joined(["a,b", "c%"]))}&k=99&depth=-1`);
    expect(params.notEdges).toEqual(["a,b", "c%"]);
    expect(params.k).toBe(20);
    expect(params.depth).toBe(0);
    expect(pathInput(params)).toMatchObject({ from: "A", count: 20, excludeEdges: ["a,b", "c%"] });
  });
});

describe("charts", () => {
  it("each bar of the waterfall starts where the last ended", () => {
    const part = (contribution: number) => ({ name: String(contribution), value: 0, text: "", contribution });
    const { bars, high, total } = fall([part(50), part(30), part(-20)]);
    expect(bars.map((bar) => [bar.from, bar.to])).toEqual([
      [0, 50],
      [50, 80],
      [80, 60],
    ]);
    expect([high, total]).toEqual([80, 60]);
  });

  it("few logons never stand out", () => {
    expect(stands(4, 0)).toBe(false);
    expect(stands(12, 3)).toBe(true);
    expect(stands(9, 3)).toBe(false);
  });
});

describe("manual", () => {
  it("knows headings, lists, tables and code, and leaves markup as text", () => {
    const blocks = parseMarkdown(
      "# T\n\n## A\ntext\nmore\n- one\n- two\n\n|a|b|\n|---|---|\n|1|2|\n\n```\nx\n```\n<script>",
    );
    expect(blocks.map((block) => block.kind)).toEqual([
      "heading",
      "heading",
      "paragraph",
      "list",
      "table",
      "code",
      "paragraph",
    ]);
    expect(parseInline("a `b` **c** [d](https://e)").map((part) => part.kind)).toEqual([
      "text",
      "code",
      "text",
      "strong",
      "text",
      "link",
    ]);
    const { container } = render(<Markdown text={"<img src=x onerror=alert(1)> [x](javascript:alert(1))"} />);
    expect(container.querySelector("img,a")).toBeNull();
  });
});

describe("marks", () => {
  it("a severity always has its word", () => {
    render(<Severity level="HIGH" />);
    expect(screen.getByText("high")).toBeTruthy();
  });

  it("an unknown severity is written, not hidden", () => {
    render(<Severity level={"CRITICAL" as never} />);
    expect(screen.getByText("Critical")).toBeTruthy();
  });

  it("an empty state says what would fill it", () => {
    render(
      <MantineProvider>
        <Empty title="Nothing">Load a snapshot.</Empty>
      </MantineProvider>,
    );
    expect(screen.getByText("Load a snapshot.")).toBeTruthy();
  });
});

describe("incidents", () => {
  const by = (name: string) => ({ name, domain: null, sid: null, entity: null });
  const from = (name: string, tierZero = false) => ({
    name,
    address: null,
    certainty: "high",
    method: "kerberos",
    entity: { id: name, kind: "Computer" as const, name, label: name, tierZero },
  });
  const at = (minute: number) => ({ firstAt: `2026-11-22T14:${minute}:00Z`, lastAt: `2026-11-22T14:${minute}:30Z` });

  it("alerts of one host or one account are one incident, told in the order of time", () => {
    const found = incidents([
      alert("c", { detection: "dcsync", actor: by("sync"), source: from("ws1"), ...at(40) }),
      alert("b", { detection: "spray", actor: null, source: from("ws1"), severity: "LOW", ...at(20) }),
      alert("a", { detection: "roast", actor: by("ian"), source: from("ws1"), ...at(10) }),
      alert("d", { detection: "travel", actor: by("ian"), source: null, severity: "LOW", ...at(30) }),
      alert("x", { detection: "other", actor: by("eve"), source: from("ws9"), severity: "MEDIUM", ...at(50) }),
    ]);
    expect(found.map((one) => one.size)).toEqual([4, 1]);
    expect(found[0]?.steps.map((step) => step.told.id)).toEqual(["a", "b", "d", "c"]);
    expect(found[0]?.worst.id).toBe("c");
    expect(found[0]?.actors).toEqual(["ian", "sync"]);
  });

  it("a host of Tier Zero joins nothing, as everybody meets there", () => {
    const dc = from("dc1", true);
    expect(
      incidents([alert("a", { actor: by("x"), source: dc }), alert("b", { actor: by("y"), source: dc })]),
    ).toHaveLength(2);
  });

  it("where steps are many, the first, the last and the gravest are told in their order", () => {
    const levels = ["LOW", "MEDIUM", "LOW", "HIGH", "LOW"] as const;
    const steps = levels.map((severity, minute) => {
      const told = alert(`s${minute}`, { severity, ...at(10 + minute) });
      return { alerts: [told], told };
    });
    expect(gravest(steps, 4).map((step) => step.told.id)).toEqual(["s0", "s1", "s3", "s4"]);
    expect(gravest(steps, 9)).toHaveLength(5);
  });

  it("alerts of one detection after each other are one step", () => {
    const same = [10, 11, 12].map((minute) => alert(`s${minute}`, { actor: by("ian"), ...at(minute) }));
    expect(incidents(same)[0]?.steps).toHaveLength(1);
  });
});

describe("sources of the overview", () => {
  const source = (name: string, read: number) => ({
    name,
    kind: "capture",
    read,
    events: read,
    lastEventAt: "2026-11-22T14:00:00Z",
    error: null,
    dropped: [],
  });

  it("few are listed by their file's name, many by kind; one that gave nothing is marked", () => {
    expect(groupSources([source("/in/a.pcap", 3)])[0]).toMatchObject({ name: "a.pcap", failed: false });
    const many = Array.from({ length: 9 }, (_, at) => source(`/in/${at}.pcap`, at));
    expect(groupSources(many)).toMatchObject([{ name: "capture", note: "9 files, 36 read", failed: true }]);
  });
});

describe("travel", () => {
  const paris = { city: "Paris", country: "FR", latitude: 48.8566, longitude: 2.3522 };
  const singapore = { city: "Singapore", country: "SG", latitude: 1.3521, longitude: 103.8198 };
  const signIn = (id: string, time: string, place: object, outcome = "success") =>
    ({ id, time, outcome, actor: { name: "ian" }, signIn: place }) as unknown as Row;

  it("the distance is along the great circle", () => {
    expect(distanceKm(paris, singapore)).toBeCloseTo(10_729, -1);
    expect(distanceKm(paris, paris)).toBe(0);
  });

  it("half an hour from Paris to Singapore is impossible, fourteen hours are a flight, a refused try is neither", () => {
    const home = signIn("a", "2026-11-13T08:50:00Z", paris);
    const soon = signIn("b", "2026-11-13T09:20:00Z", singapore);
    expect(impossible(journeys([soon, home])).map((one) => one.to.id)).toEqual(["b"]);
    expect(impossible(journeys([home, signIn("b", "2026-11-13T22:50:00Z", singapore)]))).toEqual([]);
    expect(impossible(journeys([home, signIn("b", "2026-11-13T09:20:00Z", singapore, "failure 0x1")]))).toEqual([]);
  });
});

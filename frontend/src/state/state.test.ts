import { describe, expect, it } from "vitest";
import { csv, csvCell, entityName, middle, percent } from "./format";
import { absolute, relative, sinceOf, spanOf } from "./time";
import { carried, hrefWith, withParams } from "./url";

describe("time", () => {
  const at = "2026-11-22T14:02:11.310Z";
  it("is absolute in ISO with its zone", () => {
    expect(absolute(at, "utc", "ms")).toBe("2026-11-22 14:02:11.310Z");
    expect(absolute(at, "local")).toMatch(/[+-]\d\d:\d\d$/);
    expect(absolute("no time", "utc")).toBe("no time");
  });
  it("is relative in short words", () => {
    const now = Date.parse(at);
    expect(relative("2026-11-22T13:59:11Z", now)).toBe("3 min ago");
    expect(relative("2026-11-22T15:02:11Z", now)).toBe("in 1 h");
    expect(relative("2024-01-01T00:00:00Z", now)).toBe("2024-01-01");
  });
  it("a range counts back from the newest event", () => {
    expect(sinceOf("24h", at)).toBe("2026-11-21T14:02:11.310Z");
    expect(sinceOf("all", at)).toBeUndefined();
  });
  it("a span says its unit", () => {
    expect(spanOf("2026-11-22T14:00:00Z", "2026-11-22T14:12:00Z")).toBe("12 min");
  });
});

describe("url", () => {
  it("defaults and empty values leave the search", () => {
    expect(withParams("?a=1&b=2", { a: null, b: "", c: "3" })).toBe("?c=3");
  });
  it("only zone and range are carried to another view", () => {
    expect(carried("?tz=local&q=x&range=7d")).toEqual({ tz: "local", range: "7d" });
    expect(hrefWith("/graph?from=a", "?tz=local&q=x")).toBe("/graph?from=a&tz=local");
  });
});

describe("format", () => {
  it("a CSV cell is quoted and its formula defused", () => {
    expect(csvCell('a "b", c')).toBe('"a ""b"", c"');
    expect(csvCell("=cmd|' /C calc'!A0")).toBe("'=cmd|' /C calc'!A0");
    expect(csvCell(-3)).toBe("-3");
    expect(csv(["a", "b"], [[1, null]])).toBe("a,b\r\n1,");
  });
  it("ids keep both ends, names lose realm and DNS domain", () => {
    expect(middle("S-1-5-21-3623811015-3361044348-30300820-1113", 20)).toMatch(/^S-1-5.*1113$/);
    expect(entityName({ kind: "Computer", name: "WS1.LAB.EXAMPLE" })).toBe("WS1");
    expect(entityName({ kind: "Address", name: "10.0.0.1" })).toBe("10.0.0.1");
    expect(entityName({ kind: "User", name: "J.DOE@LAB.EXAMPLE" })).toBe("J.DOE");
    expect(entityName({ kind: "User", name: "J.DOE@LAB.EXAMPLE", label: "j.doe" })).toBe("j.doe");
  });
  it("a percentage has one digit where it matters", () => {
    expect(percent(14.2)).toBe("14.2 %");
    expect(percent(0)).toBe("0 %");
  });
});

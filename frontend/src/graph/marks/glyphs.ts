/**
 * The one set of marks: a shape and a glyph per node kind, as SVG paths in a box of −16…16. The graph's atlas and the
 * lists draw from here. Shapes are named by the server's `nodeKinds { glyph }`; a kind not listed falls back to what
 * its name suggests, so a new kind of the server is drawn at once.
 */

export type ShapeName = "circle" | "square" | "hexagon" | "domain" | "page" | "bracket" | "seal" | "diamond" | "cloud";

const circle = (r: number): string => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;

function polygon(corners: number, radius: number, turn: number): string {
  const points = Array.from({ length: corners }, (_, corner) => {
    const angle = turn + (corner * 2 * Math.PI) / corners;
    return `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`;
  });
  return `M${points.join("L")}Z`;
}

function seal(): string {
  const points = Array.from({ length: 24 }, (_, corner) => {
    const angle = (corner * Math.PI) / 12;
    const radius = corner % 2 === 0 ? 13.5 : 11.4;
    return `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`;
  });
  return `M${points.join("L")}Z`;
}

export const SHAPES: Record<ShapeName, string> = {
  circle: circle(12),
  square: "M-8.5-11.5H8.5a3 3 0 0 1 3 3V8.5a3 3 0 0 1-3 3H-8.5a3 3 0 0 1-3-3V-8.5a3 3 0 0 1 3-3Z",
  hexagon: polygon(6, 13.4, 0),
  domain: circle(13.5),
  page: "M-9.5-12.5H4.5L10-7V12.5H-9.5Z",
  bracket: "M-12-7.5Q-12-10-9.5-10H-3.5L-1-7H9.5Q12-7 12-4.5V8Q12 10.5 9.5 10.5H-9.5Q-12 10.5-12 8Z",
  seal: seal(),
  diamond: "M0-13.5L13.5 0L0 13.5L-13.5 0Z",
  cloud: "M-7.5 9.5A6.2 6.2 0 0 1-9.3-2.6 7.4 7.4 0 0 1 4.4-6.4 6.4 6.4 0 0 1 10.6-.6 5.3 5.3 0 0 1 9 9.5Z",
};

const SHAPE_OF: Record<string, ShapeName> = {
  User: "circle",
  ADLocalUser: "circle",
  Base: "circle",
  Custom: "circle",
  Computer: "square",
  SiteServer: "square",
  Group: "hexagon",
  ADLocalGroup: "hexagon",
  Domain: "domain",
  GPO: "page",
  OU: "bracket",
  Container: "bracket",
  Site: "bracket",
  SiteSubnet: "bracket",
  Address: "diamond",
  AIACA: "seal",
  RootCA: "seal",
  EnterpriseCA: "seal",
  NTAuthStore: "seal",
  CertTemplate: "seal",
  IssuancePolicy: "seal",
};

const person = "M0-1.2a3.1 3.1 0 1 0 0-6.2a3.1 3.1 0 0 0 0 6.2ZM-5.6 6.6C-5.2 2.8-3 1.4 0 1.4S5.2 2.8 5.6 6.6";
const people =
  "M-2.6-1a2.7 2.7 0 1 0 0-5.4a2.7 2.7 0 0 0 0 5.4ZM-7 5.8C-6.8 2.6-5 1.4-2.6 1.4S1.6 2.6 1.8 5.8M3.4-6A2.5 2.5 0 0 1 3.4-1.2M4.4 1.6C6.2 2 7.2 3.4 7.3 5.6";
const screen = "M-6.4-6.2H6.4V2.6H-6.4ZM-3.2 6.4H3.2M0 2.6V6.4";

const GLYPH_OF: Record<string, string> = {
  User: person,
  ADLocalUser: person,
  AZUser: person,
  Group: people,
  ADLocalGroup: people,
  AZGroup: people,
  Computer: screen,
  SiteServer: screen,
  AZDevice: screen,
  Domain: `${circle(7.6)}M-7.6 0H7.6M0-7.6C-4.4-3.4-4.4 3.4 0 7.6C4.4 3.4 4.4-3.4 0-7.6`,
  AZTenant: `${circle(5.6)}M-5.6 0H5.6`,
  GPO: "M-5-4H3M-5 0.6H5M-5 5.2H5",
  OU: "M-6-1.6H6M-6 2.4H6M-6 6.4H1",
  Container: "M-6 0H6M-6 4.6H6",
  Address: "M-4.4 0H4.4M0-4.4V4.4",
  EnterpriseCA: "M-5 .4L-1.4 4L5.2-4",
  RootCA: "M-5 .4L-1.4 4L5.2-4",
  AIACA: "M-5 .4L-1.4 4L5.2-4",
  NTAuthStore: "M-5-3H5M-5 1H5M-5 5H0",
  CertTemplate: "M-4.6-5.4H4.6V5.4H-4.6ZM-2-1.6H2M-2 1.8H2",
  IssuancePolicy: "M-4.6-5.4H4.6V5.4H-4.6ZM-2 0H2",
  AZApp: "M-3.6-2.4H3.6V4.4H-3.6Z",
  AZServicePrincipal: "M-4 4.4L0-3L4 4.4Z",
  AZRole: "M0-3.4L3.6-1.6V2C3.6 4 0 5.6 0 5.6S-3.6 4-3.6 2V-1.6Z",
};

/** Shapes that the server names for kinds; filled once from the legend query. */
const served = new Map<string, ShapeName>();

export function learnShapes(kinds: readonly { kind: string; glyph: string }[]): void {
  for (const { kind, glyph } of kinds) {
    if (glyph in SHAPES) served.set(kind, glyph as ShapeName);
  }
}

export function shapeOf(kind: string): ShapeName {
  return served.get(kind) ?? SHAPE_OF[kind] ?? (kind.startsWith("AZ") ? "cloud" : "circle");
}

/** The glyph inside the shape; a small dot where a kind has none. */
export function glyphOf(kind: string): string {
  return GLYPH_OF[kind] ?? circle(2);
}

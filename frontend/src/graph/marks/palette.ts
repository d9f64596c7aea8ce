/** The tokens as WebGL and canvas need them, read from the page, so that both themes have one source. */

export interface Palette {
  page: string;
  surface: string;
  text: string;
  text2: string;
  text3: string;
  line: string;
  accent: string;
  observed: string;
  possible: string;
  tierZero: string;
  owned: string;
  came: string;
  went: string;
  node: string;
  nodeGlyph: string;
  high: string;
  font: string;
}

const TOKENS: Record<keyof Palette, string> = {
  page: "--hw-page",
  surface: "--hw-surface",
  text: "--hw-text",
  text2: "--hw-text-2",
  text3: "--hw-text-3",
  line: "--hw-line",
  accent: "--hw-accent",
  observed: "--hw-observed",
  possible: "--hw-possible",
  tierZero: "--hw-tier-zero",
  owned: "--hw-owned",
  came: "--hw-came",
  went: "--hw-went",
  node: "--hw-node",
  nodeGlyph: "--hw-node-glyph",
  high: "--hw-high-mark",
  font: "--hw-font",
};

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (key: keyof Palette): string => style.getPropertyValue(TOKENS[key]).trim();
  const palette = {} as Palette;
  for (const key of Object.keys(TOKENS) as (keyof Palette)[])
    palette[key] = key === "font" ? read(key) : long(read(key));
  return palette;
}

/** `#rgb`, to which a build may shorten a token, as `#rrggbb`. */
export function long(color: string): string {
  return /^#[\da-f]{3}$/i.test(color) ? `#${[...color.slice(1)].map((digit) => digit + digit).join("")}` : color;
}

/** `#rrggbb` with an opacity, as `rgba()`. */
export function fade(color: string, opacity: number): string {
  const value = Number.parseInt(color.slice(1), 16);
  return `rgba(${(value >> 16) & 255}, ${(value >> 8) & 255}, ${value & 255}, ${opacity})`;
}

/** `#rrggbb` as three parts of 1. */
export function parts(color: string): [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16);
  return [((value >> 16) & 255) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

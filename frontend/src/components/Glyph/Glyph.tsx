/** The mark of a node kind in text, from the same drawing as the graph's atlas. */
import { glyphOf, SHAPES, shapeOf } from "../../graph/marks/glyphs";

interface Props {
  kind: string;
  size?: number;
  tierZero?: boolean;
  owned?: boolean;
}

export function KindMark({ kind, size = 16, tierZero = false, owned = false }: Props) {
  const shape = SHAPES[shapeOf(kind)];
  const ring = tierZero ? "var(--hw-tier-zero)" : owned ? "var(--hw-owned)" : "none";
  return (
    <svg
      width={size}
      height={size}
      viewBox="-16 -16 32 32"
      role="img"
      aria-label={tierZero ? `${kind}, Tier Zero` : kind}
      style={{ flex: "none" }}
    >
      <g transform={ring === "none" ? undefined : "scale(.8)"}>
        <path d={shape} fill="var(--hw-node)" />
        <path
          d={glyphOf(kind)}
          fill="none"
          stroke="var(--hw-node-glyph)"
          strokeWidth={2}
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </g>
      {ring !== "none" && <path d={shape} fill="none" stroke={ring} strokeWidth={3} transform="scale(1.08)" />}
    </svg>
  );
}

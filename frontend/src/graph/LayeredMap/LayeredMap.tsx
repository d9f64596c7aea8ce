/** The small map of an alert: layered left to right in SVG; observed solid, possible dashed, the path numbered. */
import { useElementSize } from "@mantine/hooks";
import { useMemo } from "react";
import { entityPath } from "../../components/EntityLink/EntityLink";
import type { SubgraphPartsFragment } from "../../gql/graphql";
import { entityName } from "../../state/format";
import { useGo } from "../../state/url";
import { glyphOf, SHAPES, shapeOf } from "../marks/glyphs";
import { arrange, type MapEdge, type MapNode } from "./arrange";
import css from "./LayeredMap.module.css";

interface Props {
  map: SubgraphPartsFragment;
  /** Ids of the path's edges, in order. */
  path: readonly string[];
  starts: readonly string[];
}

export function LayeredMap({ map, path, starts }: Props) {
  const { ref, width } = useElementSize();
  const go = useGo();
  const { nodes, edges, size } = useMemo(
    () => arrange(map, path, starts, Math.max(480, width)),
    [map, path, starts, width],
  );
  return (
    <div ref={ref} className={css.box}>
      <svg
        width={size.width}
        height={size.height}
        aria-label={`Map of ${nodes.length} nodes and ${edges.length} edges`}
      >
        <defs>
          {["observed", "possible"].map((what) => (
            <marker
              key={what}
              id={`head-${what}`}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="8"
              markerHeight="8"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0 .8 8 4 0 7.2Z" fill={`var(--hw-${what})`} />
            </marker>
          ))}
        </defs>
        {edges.map((edge) => (
          <Edge key={edge.id} edge={edge} />
        ))}
        {nodes.map((node) => (
          <Node key={node.id} node={node} onOpen={() => go(entityPath(node.id))} />
        ))}
      </svg>
    </div>
  );
}

function Edge({ edge }: { edge: MapEdge }) {
  const what = edge.observed ? "observed" : "possible";
  return (
    <g>
      <title>{edge.title}</title>
      <path d={edge.d} className={edge.observed ? css.observed : css.possible} markerEnd={`url(#head-${what})`} />
      <g transform={`translate(${edge.label.x} ${edge.label.y}) rotate(${edge.label.turn})`}>
        <text y={edge.label.rise} className={css.kind} fill={edge.observed ? "var(--hw-observed)" : "var(--hw-text-2)"}>
          {edge.text}
        </text>
        {edge.hop !== null && (
          <g transform={`translate(${-edge.text.length * 3.3 - 13} ${edge.label.rise - 4})`}>
            <circle r="7" fill="var(--hw-text)" />
            <text className={css.hop}>{edge.hop}</text>
          </g>
        )}
      </g>
    </g>
  );
}

function Node({ node, onOpen }: { node: MapNode; onOpen: () => void }) {
  const ring = node.tierZero ? "var(--hw-tier-zero)" : node.owned ? "var(--hw-owned)" : null;
  const name = entityName(node);
  return (
    <a
      href={entityPath(node.id)}
      className={css.node}
      onClick={(event) => {
        event.preventDefault();
        onOpen();
      }}
      aria-label={`${node.kind} ${name}${node.tierZero ? ", Tier Zero" : ""}`}
    >
      <g transform={`translate(${node.x} ${node.y})`}>
        <title>{`${node.kind} ${node.name}`}</title>
        <path d={SHAPES[shapeOf(node.kind)]} fill="var(--hw-node)" />
        {ring !== null && (
          <path d={SHAPES[shapeOf(node.kind)]} transform="scale(1.26)" fill="none" stroke={ring} strokeWidth="2" />
        )}
        <path
          d={glyphOf(node.kind)}
          fill="none"
          stroke="var(--hw-node-glyph)"
          strokeWidth="1.8"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
        <text y="30" className={css.name}>
          {name.length > 24 ? `${name.slice(0, 23)}…` : name}
        </text>
      </g>
    </a>
  );
}

/** What the marks mean: only the kinds that are drawn, each with its words; a click on an edge kind leaves it out. */
import { useQuery } from "urql";
import { LegendQuery } from "../../api/documents/graph";
import { KindMark } from "../../components/Glyph/Glyph";
import { Failed } from "../../components/Loaded/Loaded";
import css from "./Legend.module.css";

interface Props {
  nodeKinds: ReadonlySet<string>;
  edgeKinds: ReadonlyMap<string, number>;
  /** Absent where edges cannot be left out. */
  onExclude?: ((kind: string) => void) | undefined;
}

export function Legend({ nodeKinds, edgeKinds, onExclude }: Props) {
  const [result] = useQuery({ query: LegendQuery });
  if (result.error !== undefined && result.data === undefined) return <Failed error={result.error} />;
  const nodes = (result.data?.nodeKinds ?? []).filter((one) => nodeKinds.has(one.kind));
  const edges = (result.data?.edgeKinds ?? []).filter((one) => edgeKinds.has(one.kind));
  return (
    <div className={css.legend}>
      <h2>Marks</h2>
      <ul className="plain-list">
        <Mark what="observed" line="2px solid var(--hw-observed)" />
        <Mark what="possible, granted" line="2px dashed var(--hw-possible)" />
        <Mark what="came in the window" line="2px solid var(--hw-observed)" rim />
        <Mark what="went" line="2px solid var(--hw-went)" struck />
        <li>
          <KindMark kind="User" tierZero size={18} /> Tier Zero
        </li>
        <li>
          <KindMark kind="User" owned size={18} /> owned
        </li>
      </ul>
      {nodes.length > 0 && <h2>Nodes</h2>}
      <ul className="plain-list">
        {nodes.map((one) => (
          <li key={one.kind} title={one.help}>
            <KindMark kind={one.kind} size={18} /> <span className="ellipsis">{one.kind}</span>
          </li>
        ))}
      </ul>
      {edges.length > 0 && <h2>Edges</h2>}
      <ul className="plain-list">
        {edges.map((one) => (
          <li key={one.kind} title={`${one.help}\ncost ${one.cost}${one.traversable ? "" : ", no path uses it"}`}>
            <span className="num" style={{ width: 32 }}>
              {edgeKinds.get(one.kind)}
            </span>
            <span className="ellipsis grow">
              {one.kind}
              {one.origin === "DERIVED" ? " ƒ" : ""}
            </span>
            {onExclude !== undefined && (
              <button
                type="button"
                className="link quiet"
                onClick={() => onExclude(one.kind)}
                aria-label={`Leave out ${one.kind}`}
              >
                leave out
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Mark({ what, line, rim, struck }: { what: string; line: string; rim?: boolean; struck?: boolean }) {
  return (
    <li>
      <span className={css.line} style={{ boxShadow: rim ? "0 0 0 1.5px var(--hw-came)" : undefined }}>
        <i style={{ borderTop: line }} />
        {struck && <b />}
      </span>
      {what}
    </li>
  );
}

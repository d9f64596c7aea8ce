/** An edge in one line: source, kind, target; dashed where it is only possible, solid where it was observed. */
import { EntityLink, type Named } from "../EntityLink/EntityLink";
import css from "./EdgeSentence.module.css";

interface EdgeLike {
  kind: string;
  observed: boolean;
  origin: string;
  endedAt?: string | null;
  source: Named;
  target: Named;
}

export function EdgeSentence({ edge }: { edge: EdgeLike }) {
  return (
    <span className={css.sentence}>
      <EntityLink entity={edge.source} />
      <EdgeArrow edge={edge} />
      <EntityLink entity={edge.target} />
    </span>
  );
}

export function EdgeArrow({ edge }: { edge: Omit<EdgeLike, "source" | "target"> }) {
  const style = edge.observed ? css.observed : css.possible;
  const what = edge.observed ? "observed" : "possible";
  return (
    <span
      className={`${css.arrow} ${style} ${edge.endedAt ? css.ended : ""}`}
      title={`${edge.kind}, ${what}${edge.endedAt ? ", ended" : ""}`}
    >
      <i aria-hidden="true" />
      <span>
        {edge.kind}
        {edge.origin === "DERIVED" ? " ƒ" : ""}
      </span>
      <i aria-hidden="true" />
      <b aria-hidden="true" />
    </span>
  );
}

/** Severity: one ramp, as bars and word, never colour alone. State: a filling circle and its word. */
import type { AlertState, Severity as Level } from "../../gql/graphql";
import { words } from "../../state/format";
import css from "./Severity.module.css";

interface Step {
  word: string;
  bars: number;
  text: string;
  mark: string;
}

const STEPS: Record<string, Step> = {
  INFORMATIONAL: { word: "info", bars: 1, text: "var(--hw-info)", mark: "var(--hw-info)" },
  LOW: { word: "low", bars: 2, text: "var(--hw-low)", mark: "var(--hw-low-mark)" },
  MEDIUM: { word: "medium", bars: 3, text: "var(--hw-medium)", mark: "var(--hw-medium-mark)" },
  HIGH: { word: "high", bars: 4, text: "var(--hw-high)", mark: "var(--hw-high-mark)" },
};

export function severityStep(level: Level): Step {
  return STEPS[level] ?? { word: words(level), bars: 0, text: "var(--hw-text-2)", mark: "var(--hw-info)" };
}

/** `bare`: the bars alone, where the row is narrow; the word is its name. */
export function Severity({ level, bare = false }: { level: Level; bare?: boolean }) {
  const step = severityStep(level);
  return (
    <span className={css.severity} title={bare ? step.word : undefined}>
      <span className={css.meter} aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => (
          <i key={bar} style={bar <= step.bars ? { background: step.mark } : undefined} />
        ))}
      </span>
      {bare ? (
        <span className={css.unseen}>{step.word}</span>
      ) : (
        <span className={css.word} style={{ color: step.text }}>
          {step.word}
        </span>
      )}
    </span>
  );
}

export function State({ state, classification }: { state: AlertState; classification?: string | null | undefined }) {
  const fill = state === "OPEN" ? "" : state === "IN_PROGRESS" ? css.half : css.full;
  const detail = classification ? `, ${words(classification).toLowerCase()}` : "";
  return (
    <span className={css.state} title={words(state) + detail}>
      <span className={`${css.dot} ${fill}`} aria-hidden="true" />
      {words(state).toLowerCase()}
    </span>
  );
}
